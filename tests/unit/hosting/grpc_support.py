"""A model server process, and requests to it through tensorflow-serving-api's own stubs."""

import contextlib
import os
import re
import subprocess
import sys
import time
import warnings

import pytest
from clocks import PATIENCE

# Before hosting.model_server, which would put a bare package in its place (see native.py).
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import grpc
    import tensorflow as tf
    from tensorflow.core.framework import tensor_pb2
    from tensorflow_serving.apis import (
        model_service_pb2_grpc,
        predict_pb2,
        prediction_service_pb2_grpc,
    )

MAKE = os.path.join(os.path.dirname(__file__), "..", "..", "saved_models", "make.py")


class Server:
    """A model server process and the stubs of its two services."""

    def __init__(self, folder, models):
        self.folder = folder
        config = folder / "models.cfg"
        config.write_text("model_config_list { %s }" % " ".join(map(self.entry, models)))
        self._log = folder / "log"
        with open(str(self._log), "wb") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "hosting.model_server",
                    "--port=0",
                    "--model_config_file=%s" % config,
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._channel = grpc.insecure_channel("127.0.0.1:%d" % self._port())
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self.model = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def entry(self, name):
        return (
            'config { name: "%s" base_path: "%s" model_platform: "tensorflow" '
            "model_version_policy { all { } } }" % (name, self.folder / name)
        )

    def _port(self):
        end = time.time() + PATIENCE
        while time.time() < end:
            found = re.search(r"Running gRPC ModelServer at 127.0.0.1:(\d+)", self._log.read_text())
            if found:
                return int(found.group(1))
            assert self._process.poll() is None, self._log.read_text()
            time.sleep(0.02)
        raise AssertionError("the server did not start: " + self._log.read_text())

    def stop(self):
        self._channel.close()
        self._process.terminate()
        self._process.wait(PATIENCE)


@contextlib.contextmanager
def serving(folder, models):
    """A server of these models of tests/saved_models, made in the folder; ended at the end."""
    subprocess.run(
        [sys.executable, "-W", "ignore", MAKE, str(folder)] + list(models),
        check=True,
        stderr=subprocess.DEVNULL,
    )
    server = Server(folder, models)
    try:
        yield server
    finally:
        server.stop()


def predict_request(model, signature="", version=None, output_filter=(), **inputs):
    request = predict_pb2.PredictRequest(output_filter=output_filter)
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(
            value if isinstance(value, tensor_pb2.TensorProto) else tf.make_tensor_proto(value)
        )
    return request


def refusal(call, request, **options):
    with pytest.raises(grpc.RpcError) as refused:
        call(request, **options)
    return refused.value.code().name, refused.value.details()
