"""The model server's models by gRPC: their signatures, their state, and changing them."""

import time
import warnings

import numpy as np
import pytest
from clocks import PATIENCE
from grpc_support import grpc, predict_request, refusal, serving, tf

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from tensorflow_serving.apis import (
        get_model_metadata_pb2,
        get_model_status_pb2,
        model_management_pb2,
    )

MODELS = ("half_plus_two", "half_plus_three", "signatures")
FLOATS = np.array([1.0, 2.0, 5.0], np.float32)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("grpc"), MODELS) as running:
        yield running


def metadata_request(model="half_plus_two", *fields):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = model
    return request


def test_metadata_are_the_signatures(server):
    response = server.prediction.GetModelMetadata(metadata_request("signatures", "signature_def"))
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    with tf.Session(graph=tf.Graph()) as session:
        expected = tf.saved_model.loader.load(
            session, ["serve"], str(server.folder / "signatures" / "1")
        )
    assert dict(signatures.signature_def) == dict(expected.signature_def)
    assert response.model_spec.version.value == 1


@pytest.mark.parametrize("fields, details", [
    ((), "GetModelMetadataRequest must specify at least one metadata_field"),
    (("size",), "Metadata field %s is not supportedsize")])  # fmt: skip
def test_metadata_of_another_kind_are_refused(server, fields, details):
    assert refusal(
        server.prediction.GetModelMetadata, metadata_request("half_plus_two", *fields)
    ) == ("INVALID_ARGUMENT", details)


def status(server, model, version=None):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = model
    if version is not None:
        request.model_spec.version.value = version
    return server.model.GetModelStatus(request)


AVAILABLE = get_model_status_pb2.ModelVersionStatus.AVAILABLE


def test_status_of_all_versions_is_listed_from_the_highest_down(server):
    versions = status(server, "half_plus_three").model_version_status
    assert [(item.version, item.state, item.status.error_code) for item in versions] == [
        (124, AVAILABLE, 0),
        (123, AVAILABLE, 0),
    ]


def test_status_of_one_version(server):
    (item,) = status(server, "half_plus_three", 123).model_version_status
    assert (item.version, item.state) == (123, AVAILABLE)


@pytest.mark.parametrize("model, version, details", [
    ("none", None, "Could not find any versions of model none"),
    ("half_plus_two", 5, "Could not find version 5 of model half_plus_two")])  # fmt: skip
def test_status_of_what_is_not_there_is_not_found(server, model, version, details):
    with pytest.raises(grpc.RpcError) as missing:
        status(server, model, version)
    assert (missing.value.code().name, missing.value.details()) == ("NOT_FOUND", details)


def test_a_new_configuration_replaces_the_models(server):
    def reload(*names):
        request = model_management_pb2.ReloadConfigRequest()
        for name in names:
            request.config.model_config_list.config.add(
                name=name, base_path=str(server.folder / name), model_platform="tensorflow"
            )
        return server.model.HandleReloadConfigRequest(request)

    others = [name for name in MODELS if name != "half_plus_two"]
    assert reload(*others).status.error_code == 0
    end = time.time() + PATIENCE
    while status(server, "half_plus_two").model_version_status[0].state == AVAILABLE:
        assert time.time() < end
        time.sleep(0.05)
    assert (
        refusal(server.prediction.Predict, predict_request("half_plus_two", x=FLOATS))[0]
        == "NOT_FOUND"
    )
    end = time.time() + PATIENCE
    while (
        status(server, "half_plus_two").model_version_status[0].state
        != get_model_status_pb2.ModelVersionStatus.END
    ):
        assert time.time() < end
        time.sleep(0.05)
    assert reload(*MODELS).status.error_code == 0
    assert (
        server.prediction.Predict(predict_request("half_plus_two", x=FLOATS))
        .outputs["y"]
        .float_val[0]
        == 2.5
    )


def test_an_empty_configuration_is_refused(server):
    code, details = refusal(
        server.model.HandleReloadConfigRequest, model_management_pb2.ReloadConfigRequest()
    )
    assert code == "INVALID_ARGUMENT" and "Only ModelConfigList" in details
