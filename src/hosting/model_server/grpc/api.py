"""The gRPC API: PredictionService and ModelService, with tensorflow-serving-api's stubs."""

import concurrent.futures
import functools
import logging
import math

import grpc

from hosting.model_server import model_config
from hosting.model_server.errors import ServingError, Unloaded, internal, invalid_argument
from hosting.model_server.graph import native
from hosting.model_server.grpc import requests

native.protos_without_tensorflow()

from tensorflow_serving.apis import (  # noqa: E402
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

log = logging.getLogger(__name__)

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_SIGNATURE_DEF = "signature_def"
_MAX_MESSAGE = (1 << 31) - 1


def _answering(method):
    """Turn a ServingError into the call's status."""

    @functools.wraps(method)
    def call(self, request, context):
        try:
            try:
                return method(self, request, context)
            except Unloaded:
                # Another version may be there by now; if none is, that is the status.
                return method(self, request, context)
        except ServingError as error:
            failure = error
        except Exception as error:
            log.exception("%s failed", method.__name__)
            failure = internal(error)
        # abort() raises; the call ends here.
        return context.abort(_CODES[failure.code], failure.message)

    return call


def timeout_ms(context):
    """The call's deadline as a run's time-out: 0 for none, rounded up to have few of them."""
    remaining = context.time_remaining()
    # Python's gRPC reports a call without deadline as one of centuries.
    if remaining is None or remaining > 1e8:
        return 0
    step = 10 ** max(0, int(math.log10(max(remaining * 1000, 1))) - 1)
    return max(1, math.ceil(remaining * 1000 / step) * step)


class _Service:
    """What both services share: the way from a ModelSpec to a servable."""

    def __init__(self, manager):
        self._manager = manager

    def _version(self, spec):
        choice = spec.WhichOneof("version_choice")
        if choice == "version":
            return spec.version.value
        if choice == "version_label":
            return self._manager.labelled(spec.name, spec.version_label)
        return None

    def _of_spec(self, spec):
        if not spec.name:
            raise invalid_argument("ModelSpec has no name specified.")
        return self._manager.servable(spec.name, self._version(spec))

    def _servable(self, request):
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        return self._of_spec(request.model_spec)


class PredictionService(_Service, prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict, Classify, Regress, MultiInference, GetModelMetadata."""

    @_answering
    def Predict(self, request, context):
        return requests.run_predict(self._servable(request), request, timeout_ms(context))

    @_answering
    def Classify(self, request, context):
        return requests.run_classify(self._servable(request), request, timeout_ms(context))

    @_answering
    def Regress(self, request, context):
        return requests.run_regress(self._servable(request), request, timeout_ms(context))

    @_answering
    def MultiInference(self, request, context):
        if not request.tasks:
            raise invalid_argument("Inference request must have at least one inference task")
        return requests.run_multi_inference(
            self._of_spec(request.tasks[0].model_spec), request, timeout_ms(context)
        )

    @_answering
    def GetModelMetadata(self, request, context):
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        if not request.metadata_field:
            raise invalid_argument(
                "GetModelMetadataRequest must specify at least one metadata_field"
            )
        for field in request.metadata_field:
            if field != _SIGNATURE_DEF:
                # The %s stays: TF Serving joins the parts and formats nothing.
                raise invalid_argument(f"Metadata field %s is not supported{field}")
        servable = self._servable(request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, proto in servable.signature_def.items():
            signatures.signature_def[name].CopyFrom(proto)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = servable.name
        response.model_spec.version.value = servable.version
        response.metadata[_SIGNATURE_DEF].Pack(signatures)
        return response


class ModelService(_Service, model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus and HandleReloadConfigRequest."""

    @_answering
    def GetModelStatus(self, request, context):
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        spec = request.model_spec
        response = get_model_status_pb2.GetModelStatusResponse()
        for version in self._manager.states(spec.name, self._version(spec)):
            response.model_version_status.add(
                version=version.number,
                state=version.state,
                status={"error_code": version.error_code, "error_message": version.error_message},
            )
        return response

    @_answering
    def HandleReloadConfigRequest(self, request, context):
        """Serve other models from now on; answers when the new ones are loaded."""
        if request.config.WhichOneof("config") != "model_config_list":
            raise invalid_argument(
                "ServerModelConfig type not supported by HandleReloadConfigRequest. Only "
                "ModelConfigList is currently supported"
            )
        self._manager.reload(model_config.settings_from_proto(request.config))
        response = model_management_pb2.ReloadConfigResponse()
        response.status.error_code = 0
        return response


def start(manager, address, threads=32):
    """Listen on `address`; returns the server and its port, 0 when it could not listen."""
    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(threads, thread_name_prefix="grpc"),
        options=[
            ("grpc.max_send_message_length", _MAX_MESSAGE),
            ("grpc.max_receive_message_length", _MAX_MESSAGE),
            # Two servers on one port would share the calls at random.
            ("grpc.so_reuseport", 0),
        ],
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        PredictionService(manager), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(manager), server)
    port = server.add_insecure_port(address)
    if port:
        server.start()
    return server, port
