"""The unmodified SageMaker SDK 3.x against the emulator: docs/sdk-v3.md as it stands, and a search.

    make .stamps/sdk3 .stamps/cloud .stamps/train .stamps/serve .stamps/handler
    PYTHONPATH=src .venvs/sdk3/bin/python -m pytest tests/today/test_sdk3.py
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from emulator.pytest_plugin import Emulator

REPOSITORY = Path(__file__).resolve().parents[2]
PYTHON = REPOSITORY / ".venvs" / "sdk3" / "bin" / "python"
EMULATOR = [str(REPOSITORY / ".venvs" / "cloud" / "bin" / "python"), "-m", "emulator"]
SECONDS = 1800
OPT_OUT = {"SchemaVersion": "1.0", "SageMaker": {
    "PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
PAGE = (REPOSITORY / "docs" / "sdk-v3.md").read_text(encoding="utf-8")
SEARCH = """
from sagemaker.core.parameter import IntegerParameter
from sagemaker.train.tuner import HyperparameterTuner

tuner = HyperparameterTuner(
    trainer, "loss", {"steps": IntegerParameter(1, 900)}, objective_type="Minimize",
    metric_definitions=[{"Name": "loss", "Regex": r"loss: (\\S+)"}],
    max_jobs=2, max_parallel_jobs=2, random_seed=1)
tuner.tune(job_name="search", wait=False)
tuner.latest_tuning_job.wait(poll=1)
"""
FAILING = """
import pathlib

pathlib.Path("train.py").write_text("raise SystemExit(3)")
trainer.hyperparameters = {}
trainer.train(wait=False)
try:
    trainer._latest_training_job.wait(poll=1)
except Exception as error:
    print(type(error).__name__, "exit status 3" in str(error))
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """(account, what was printed) when all of the code has run, in one process of the SDK's."""
    scratch = tmp_path_factory.mktemp("sdk3")
    folder = shutil.copytree(REPOSITORY / "examples" / "own-model", scratch / "own-model")
    quiet = scratch / "sdk.yaml"
    quiet.write_text(json.dumps(OPT_OUT), encoding="utf-8")
    code = "\n".join([*re.findall(r"```python\n(.*?)```", PAGE, re.S), SEARCH, FAILING])
    emulator = Emulator(scratch / "account", EMULATOR)
    try:
        account = emulator.start()
        done = subprocess.run(
            [PYTHON, "-W", "ignore", "-c", code], cwd=folder, capture_output=True, text=True,
            env={**account.environment, "SAGEMAKER_USER_CONFIG_OVERRIDE": str(quiet)},
            timeout=SECONDS, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
        yield account, done.stdout
    finally:
        if emulator.runs:
            emulator.end()


def jobs(account, name):
    """The descriptions of training jobs."""
    client = account.client("sagemaker")
    found = client.list_training_jobs(NameContains=name)["TrainingJobSummaries"]
    return [client.describe_training_job(TrainingJobName=one["TrainingJobName"]) for one in found]


def test_the_pages_code_trains_deploys_asks_and_deletes(ran):
    account, printed = ran
    assert "3.0 5.0 7.0" in printed
    client = account.client("sagemaker")
    assert client.list_endpoints()["Endpoints"] == []
    assert client.list_endpoint_configs()["EndpointConfigs"] == []
    assert client.list_models()["Models"] == []
    (done,) = [job for job in jobs(account, "own-model") if job["TrainingJobStatus"] == "Completed"]
    assert done["AlgorithmSpecification"]["ContainerEntrypoint"] == ["/bin/bash"]
    assert {"code", "sm_drivers"} <= {each["ChannelName"] for each in done["InputDataConfig"]}
    assert done["HyperParameters"] == {"steps": "500"}


def test_a_search_goes_through_the_toolkit(ran):
    account, _ = ran
    client = account.client("sagemaker")
    search = client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="search")
    assert search["HyperParameterTuningJobStatus"] == "Completed", search
    assert search["TrainingJobStatusCounters"]["Completed"] == 2
    fixed = search["TrainingJobDefinition"]["StaticHyperParameters"]
    assert fixed["sagemaker_program"] == "train.py"
    assert fixed["sagemaker_submit_directory"].startswith("s3://own-model-3/")
    best = search["BestTrainingJob"]
    assert best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] < 0.1
    assert 1 <= int(best["TunedHyperParameters"]["steps"]) <= 900


def test_a_script_that_fails_is_a_failed_job_with_the_drivers_reason(ran):
    account, printed = ran
    assert "FailedStatusError True" in printed
    (failed,) = [job for job in jobs(account, "own-model") if job["TrainingJobStatus"] == "Failed"]
    assert "returned non-zero exit status 3" in failed["FailureReason"]


def test_the_page_is_short_and_others_lead_to_it():
    assert len(PAGE.splitlines()) <= 100
    for name in ("README.md", "README.ja.md", "docs/cloud.md", "docs/cloud.ja.md"):
        assert "sdk-v3.md)" in (REPOSITORY / name).read_text(encoding="utf-8")
