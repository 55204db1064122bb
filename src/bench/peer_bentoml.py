"""A BentoML service with a SavedModel; a module of its own, since only its environment has BentoML.

BentoML's own artifact for SavedModels wants TensorFlow 1.15 or newer; a session is as fast.
"""

import os

import numpy as np
from bentoml import BentoService, api, env
from bentoml.adapters import JsonInput

_model = None


def model():
    """The model of this worker, loaded at its first request."""
    global _model
    if _model is None:
        from bench.peer_session import Model

        _model = Model(os.environ["BENCH_SAVED_MODEL"])
    return _model


@env(infer_pip_packages=False)
class Classifier(BentoService):
    """Requests that wait are answered by one run."""

    @api(input=JsonInput(), batch=True, mb_max_batch_size=64)
    def predict(self, requests):
        """The rows of each request's `inputs`, by the signature's keys."""
        keys = requests[0]["inputs"].keys()
        merged = (
            model()
            .predict(
                {
                    key: np.array(
                        [row for one in requests for row in one["inputs"][key]], np.float32
                    )
                    for key in keys
                }
            )
            .tolist()
        )
        answers = []
        for one in requests:
            count = len(next(iter(one["inputs"].values())))
            answers.append(merged[:count])
            merged = merged[count:]
        return answers
