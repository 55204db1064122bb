"""Predict calls to the model server's gRPC port, a closed loop of so many clients.

    python -m bench.grpc_load <port> <model name>

Commands, one JSON object a line:

    {"inputs": {"…": [[…], …], …}, "expected": [[…], …], "output": "…", "tolerance": 1e-5}
    {"clients": 8, "seconds": 2.0, "warm_up": 0.2}  → latencies in ms, seconds, failures
"""

import sys
import threading
from time import perf_counter

import grpc
import numpy as np

from hosting.model_server.graph import native
from hosting.packed import answer_commands

native.protos_without_tensorflow()

from tensorflow.core.framework import types_pb2  # noqa: E402
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc  # noqa: E402


class GrpcLoad:
    """The requests, and the channel they go through."""

    def __init__(self, port, model_name):
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(
            grpc.insecure_channel(f"127.0.0.1:{port}")
        )
        self._model_name = model_name
        self._requests = []
        self._expected = None
        self._output = self._tolerance = None

    def answer(self, command):
        """The answer to one command."""
        if "inputs" in command:
            self._prepare(**command)
            return {}
        return _Loop(self, **command).run()

    def _prepare(self, inputs, expected, output, tolerance):
        for number in range(len(expected)):
            request = predict_pb2.PredictRequest()
            request.model_spec.name = self._model_name
            for key, rows in inputs.items():
                _fill(request.inputs[key], rows[number])
            self._requests.append(request)
        self._expected = np.array(expected, dtype=np.float32)
        self._output, self._tolerance = output, tolerance

    @property
    def count(self):
        """How many different requests there are."""
        return len(self._requests)

    def call(self, turn):
        """Starts a call; returns its future."""
        return self._stub.Predict.future(self._requests[turn], timeout=60)

    def is_right(self, turn, response):
        """Whether the answer is the one to this very request."""
        tensor = response.outputs[self._output]
        values = (
            np.frombuffer(tensor.tensor_content, dtype=np.float32)
            if tensor.tensor_content
            else np.array(tensor.float_val, dtype=np.float32)
        )
        expected = self._expected[turn]
        return values.shape == expected.shape and bool(
            np.abs(values - expected).max() <= self._tolerance
        )


def _fill(tensor, row):
    """Makes a tensor of one row."""
    tensor.dtype = types_pb2.DT_FLOAT
    for size in (1, len(row)):
        tensor.tensor_shape.dim.add(size=size)
    tensor.tensor_content = np.array(row, dtype=np.float32).tobytes()


class _Loop:
    """One measurement: each client calls again when its answer has come."""

    def __init__(self, load, clients, seconds, warm_up):
        self._load = load
        self._clients = clients
        self._begin = perf_counter() + warm_up
        self._end = self._begin + seconds
        self._latencies = []
        self._failures = {}
        self._lock = threading.Lock()
        self._left = clients
        self._all_done = threading.Event()
        self._turn = 0

    def run(self):
        for _ in range(self._clients):
            self._next()
        self._all_done.wait()
        return {
            "latencies_ms": self._latencies,
            "seconds": self._end - self._begin,
            "failures": self._failures,
        }

    def _next(self):
        with self._lock:
            turn = self._turn = (self._turn + 1) % self._load.count
        sent = perf_counter()
        self._load.call(turn).add_done_callback(lambda call: self._answered(turn, sent, call))

    def _answered(self, turn, sent, call):
        now = perf_counter()
        failure = None
        if call.code() is not grpc.StatusCode.OK:
            failure = str(call.code())
        elif not self._load.is_right(turn, call.result()):
            failure = "wrong answer"
        if failure is not None:
            with self._lock:
                self._failures[failure] = self._failures.get(failure, 0) + 1
        elif self._begin <= now < self._end:
            self._latencies.append(round((now - sent) * 1e3, 4))
        if now < self._end:
            self._next()
            return
        with self._lock:
            self._left -= 1
            if not self._left:
                self._all_done.set()


if __name__ == "__main__":
    answer_commands(GrpcLoad(int(sys.argv[1]), sys.argv[2]).answer)
