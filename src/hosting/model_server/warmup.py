"""The requests that a SavedModel brings along to be warmed up with.

``assets.extra/tf_serving_warmup_requests`` is a TFRecord file of PredictionLog
messages; TF Serving replays it before the version becomes available.
"""

import logging
import os
import struct

from hosting.model_server.errors import DATA_LOSS, ServingError, invalid_argument, unimplemented
from hosting.model_server.graph import native

log = logging.getLogger(__name__)

_PATH = os.path.join("assets.extra", "tf_serving_warmup_requests")
_MAX_RECORDS = 1000


def records(path):
    """The records of a TFRecord file (its checksums are not looked at)."""
    with open(path, "rb") as file:
        while True:
            header = file.read(12)
            if not header:
                return
            size = struct.unpack("<Q", header[:8])[0] if len(header) == 12 else -1
            record = file.read(size) if size >= 0 else b""
            if len(record) != size or len(file.read(4)) != 4:
                raise ServingError(DATA_LOSS, f"truncated record in {path}")
            yield record


def warm_up(servable, path):
    """Replay the warm-up requests of the SavedModel in `path`, if it has any."""
    file = os.path.join(path, _PATH)
    if not os.path.exists(file):
        return
    native.protos_without_tensorflow()
    from tensorflow_serving.apis import prediction_log_pb2

    from hosting.model_server.grpc import requests

    runners = {
        "predict_log": requests.run_predict,
        "classify_log": requests.run_classify,
        "regress_log": requests.run_regress,
        "multi_inference_log": requests.run_multi_inference,
    }
    count = 0
    for record in records(file):
        message = prediction_log_pb2.PredictionLog.FromString(record)
        kind = message.WhichOneof("log_type")
        if kind not in runners:
            raise unimplemented(f"Unsupported log_type for warmup: {kind}")
        count += 1
        if count > _MAX_RECORDS:
            raise invalid_argument(
                f"Number of warmup records exceeeds the maximum ({_MAX_RECORDS}) at {file}"
            )
        runners[kind](servable, getattr(message, kind).request)
    log.info(
        "Finished reading warmup data for model at %s. Number of warmup records read: %d.",
        file,
        count,
    )
