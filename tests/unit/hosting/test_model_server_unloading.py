"""A request whose servable goes away before it is queued is answered by the next one."""

import asyncio
import json
import warnings

import numpy as np
import pytest

# Before hosting.model_server, which would put a bare package in its place (see native.py).
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

from hosting.http.messages import Request
from hosting.model_server import flags, servable, server
from hosting.model_server.errors import not_found
from hosting.model_server.grpc import api as grpc_api
from hosting.model_server.rest import api as rest

BATCHING = ["--enable_batching"]


@pytest.fixture(params=[[], BATCHING], ids=["merging", "batching"])
def servables(tmp_path, request):
    """Three Servables of y = factor × x with the factors 1, 2, 3; the first two are closed."""
    loaded = []
    options = server.ServableOptions(flags.parse(["--model_base_path=/m"] + request.param))
    for factor in (1, 2, 3):
        path = str(tmp_path / str(factor))
        with tf.Session(graph=tf.Graph()) as session:
            x = tf.placeholder(tf.float32, [None])
            tf.saved_model.simple_save(session, path, {"x": x}, {"y": factor * x})
        loaded.append(servable.Servable("model", factor, path, options))
    for one in loaded[:2]:
        one.close()
    yield loaded
    loaded[2].close()


class Manager:
    """Finds one servable after the other, then none."""

    def __init__(self, *found):
        self._found = list(found)

    def servable(self, name, version=None):
        if not self._found:
            raise not_found("Servable not found for request: Latest(", name, ")")
        return self._found.pop(0)


class Context:
    """A gRPC call's context."""

    def time_remaining(self):
        return None

    def abort(self, code, message):
        raise AssertionError("%s: %s" % (code, message))


def over_rest(manager):
    """(status, y) of a REST request for x = 5."""

    async def ask():
        answer = rest.RestApi(manager, 0)(
            Request("POST", b"/v1/models/model:predict", [], b'{"inputs": [5.0]}')
        )
        return answer if hasattr(answer, "status") else await answer

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        response = loop.run_until_complete(ask())
    finally:
        loop.close()
        asyncio.set_event_loop(None)
    return response.status, json.loads(response.body.decode()).get("outputs")


def over_grpc(manager):
    """y of a gRPC call with x = 5."""
    call = predict_pb2.PredictRequest()
    call.model_spec.name = "model"
    call.inputs["x"].CopyFrom(tf.make_tensor_proto(np.array([5], np.float32)))
    answer = grpc_api.PredictionService(manager).Predict(call, Context())
    return list(answer.outputs["y"].float_val) or tf.make_ndarray(answer.outputs["y"]).tolist()


def test_its_successor_answers(servables):
    gone, _, there = servables
    assert over_rest(Manager(gone, there)) == (200, [15.0])
    assert over_grpc(Manager(gone, there)) == [15.0]


def test_where_none_is_left_there_is_none(servables):
    gone = servables[0]
    assert over_rest(Manager(gone))[0] == 404
    with pytest.raises(AssertionError, match=str(grpc.StatusCode.NOT_FOUND)):
        over_grpc(Manager(gone))


def test_it_is_not_looked_for_for_ever(servables):
    gone, gone_too, there = servables
    assert over_rest(Manager(gone, gone_too, there))[0] == 503
    with pytest.raises(AssertionError, match=str(grpc.StatusCode.UNAVAILABLE)):
        over_grpc(Manager(gone, gone_too, there))


def test_a_model_without_loops_takes_as_long_as_the_last_time(servables):
    assert all(one.is_predictable for one in servables)
