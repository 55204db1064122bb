"""Every path of the project, from one root. No other module joins names onto a root."""

import os
from pathlib import Path

ROOT = Path(os.environ.get("TRAIN2DEPLOY_ROOT", Path(__file__).resolve().parents[2]))

SRC = ROOT / "src"
TRAIN_SOURCE = SRC / "train"
TODAYS_SOURCE = TRAIN_SOURCE / "today"
MODELS = ROOT / "models"
PREDICT_CODE = SRC / "predict" / "code"
PREDICT_TODAY = SRC / "predict" / "today"
ENCODING = SRC / "encoding.py"
REQUIREMENTS = ROOT / "requirements"

DATA = ROOT / "data"
SAMPLE = DATA / "sample"
RAW = DATA / "raw"

BUILD = ROOT / "build"
DATASET = BUILD / "data"
VECTORS = BUILD / "vectors"
WORDS = BUILD / "words"
JOBS = BUILD / "jobs"
LATEST_JOB = JOBS / "latest"
CODE_LIB = BUILD / "code-lib"
MODEL_ARCHIVE = BUILD / "model.tar.gz"
SERVED_MODELS = BUILD / "served"
ENDPOINT_STATE = BUILD / "endpoint.json"
ENDPOINT_LOG = BUILD / "endpoint.log"
TEMPORARY_ENDPOINT_LOG = BUILD / "endpoint-temporary.log"
EVALUATION = BUILD / "evaluation.json"
CAPTURED_EVALUATION = BUILD / "evaluation-captured.json"
VERIFICATION = BUILD / "verification.json"
PARITY = BUILD / "parity.json"
STACK_PARITY = BUILD / "stack-parity.json"
PARITY_JOBS = BUILD / "parity"
CONTRACT_PARITY = BUILD / "contract-parity.json"
REPORTS = BUILD / "reports"
UPGRADE = REPORTS / "upgrade"
ARTICLE_GRAPHS = BUILD / "article-graph"
BENCH = BUILD / "bench"
LOCAL_MODE = BUILD / "local-mode"
RUNS = BUILD / "runs"
REPRODUCTIONS = BUILD / "reproduce"
REPRODUCE_CHECK = BUILD / "reproduce-check.json"

CLOUD_SETTINGS = ROOT / "cloud.toml"
CLOUD_EXAMPLE = ROOT / "cloud.example.toml"
CLOUD_WORK = BUILD / "cloud"
CLOUD_LOAD = CLOUD_WORK / "load.json"
CLOUD_ENDPOINT = CLOUD_WORK / "endpoint.json"
EMULATOR = BUILD / "emulator"
EMULATOR_STATE = BUILD / "emulator.json"
SEARCH_SETTINGS = ROOT / "tune.toml"
SEARCHES = BUILD / "tune"

RESULTS = ROOT / "results"
PUBLISHED = RESULTS / "published.toml"

NOTEBOOK_SOURCE = ROOT / "notebooks" / "article.py"

VENVS = ROOT / ".venvs"
STAMPS = ROOT / ".stamps"
TRAIN_PYTHON = VENVS / "train" / "bin" / "python"
SERVE_PYTHON = VENVS / "serve" / "bin" / "python"


def relative(path: Path) -> str:
    """`path` as a user of the repository would write it.

    >>> relative(MODEL_ARCHIVE)
    'build/model.tar.gz'
    """
    try:
        return str(Path(path).relative_to(ROOT))
    except ValueError:
        return str(path)
