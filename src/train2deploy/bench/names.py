"""What the bench calls its subjects, what each is, and how a plot draws it."""

from typing import Any

RAW = "session.run"
PACKED = "session.run, packed graph"
ONNX = "ONNX Runtime"
REST = "model server, REST"
REST_ALONE = "model server, REST, MERGE=0"
GRPC = "model server, gRPC"
INVOCATIONS = "/invocations"
ALONE = "/invocations, MERGE=0"
BATCHED = "/invocations, MERGE=0 BATCHING=1"
OTHER = "other package's /invocations"
ARTICLE = "article's handler"
UNMERGED = "article's handler, unmerged"
PEERS = ("MLflow", "BentoML", "simple-tensorflow-serving")

SUBJECTS = {
    RAW: "TensorFlow's own session, no server; clients are threads. Of v1 with the article's"
    " graph as simple_save writes it: the baseline, 1.00",
    PACKED: "the same with the package's own graph",
    ONNX: "the same weights in a session of ONNX Runtime: the limit",
    REST: "POST /v1/models/…:predict to the model server",
    REST_ALONE: "the same, and each request has a run of its own, as on AWS",
    GRPC: "PredictionService.Predict to the model server",
    INVOCATIONS: "POST /invocations, the project's handler",
    ALONE: "the same, and each request has a run of its own, as on AWS",
    BATCHED: "the same, batched by SAGEMAKER_TFS_… variables, as on AWS that is asked for it",
    OTHER: "the same of the package that AGAINST names",
    ARTICLE: "POST /invocations, a handler written as the article's",
    UNMERGED: "the same, and each request has a run of its own, as on AWS",
    **{name: f"POST to {name}, the model's own input, no text" for name in PEERS},
}
"""In the order of the tables."""

# From dark to light, with a marker and a line each, so that no colour is needed.
STYLES: dict[str, dict[str, Any]] = {
    INVOCATIONS: {"color": "#08306b", "marker": "o", "linestyle": "-", "linewidth": 2.5},
    OTHER: {"color": "#c0392b", "marker": "P", "linestyle": (0, (8, 2)), "linewidth": 2.0},
    ALONE: {"color": "#2171b5", "marker": "o", "linestyle": "--", "fillstyle": "none"},
    BATCHED: {"color": "#2171b5", "marker": "o", "linestyle": "-."},
    REST: {"color": "#b3560f", "marker": "s", "linestyle": "--"},
    REST_ALONE: {"color": "#b3560f", "marker": "s", "linestyle": ":", "fillstyle": "none"},
    GRPC: {"color": "#3f9b5a", "marker": "^", "linestyle": "-."},
    ARTICLE: {"color": "#a678b4", "marker": "D", "linestyle": ":", "linewidth": 2.0},
    UNMERGED: {"color": "#a8a8a8", "marker": "v", "linestyle": (0, (5, 1))},
    **{
        name: {"color": color, "marker": marker, "linestyle": (0, (3, 1, 1, 1))}
        for name, color, marker in zip(PEERS, ("#7a5c00", "#3a3a3a", "#c05a8a"), "X*p", strict=True)
    },
}
