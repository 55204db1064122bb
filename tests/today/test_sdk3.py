"""The unmodified SageMaker SDK 3.x against the emulator: docs/sdk-v3.md as it stands, and a search.

    make setup .stamps/cloud .stamps/sdk3
    .venvs/sdk3/bin/python -m pytest tests/today/test_sdk3.py
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PYTHON, CLOUD = (REPOSITORY / ".venvs" / name / "bin" / "python" for name in ("sdk3", "cloud"))
NEEDED = [REPOSITORY / ".venvs" / name for name in ("sdk3", "cloud", "train", "serve", "handler")]
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


REPORT = """
client = boto3.client("sagemaker")
names = [one["TrainingJobName"] for one in client.list_training_jobs()["TrainingJobSummaries"]]
print("\\nREPORT" + json.dumps(default=str, obj={
    "left": [client.list_endpoints()["Endpoints"], client.list_models()["Models"],
             client.list_endpoint_configs()["EndpointConfigs"]],
    "jobs": [client.describe_training_job(TrainingJobName=name) for name in names],
    "search": client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="search")}))
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """(what was printed, what the account holds) after all of it in one process of the SDK's."""
    if missing := [path.name for path in NEEDED if not path.exists()]:
        pytest.skip(f"make setup .stamps/cloud .stamps/sdk3 makes {', '.join(missing)}")
    scratch = tmp_path_factory.mktemp("sdk3")
    folder = shutil.copytree(REPOSITORY / "examples" / "own-model", scratch / "own-model")
    quiet = scratch / "sdk.yaml"
    quiet.write_text(json.dumps(OPT_OUT), encoding="utf-8")
    code = "\n".join([*re.findall(r"```python\n(.*?)```", PAGE, re.S), SEARCH, FAILING, REPORT])
    url = re.search(r"http://[\d.:]+", emulator(scratch, "--detach"))[0].rstrip(":")
    try:
        printed = run([PYTHON, "-W", "ignore", "-c", code], folder, {
            "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1", "SAGEMAKER_USER_CONFIG_OVERRIDE": str(quiet)})
    finally:
        emulator(scratch, "--stop")
    said, _, report = printed.partition("\nREPORT")
    return said, json.loads(report.splitlines()[0])


def emulator(scratch, *options):
    return run(
        [CLOUD, "-m", "emulator", "--directory", scratch / "account", *options],
        scratch, {"PYTHONPATH": str(REPOSITORY / "src")})


def run(command, folder, variables):
    done = subprocess.run(
        command, cwd=folder, env={"PATH": os.defpath, "HOME": str(folder), **variables},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


def ended(account, status):
    """The one job of ModelTrainer's that ended so."""
    (found,) = [job for job in account["jobs"] if job["TrainingJobStatus"] == status
                and not job["TrainingJobName"].startswith("search")]
    return found


def test_the_pages_code_trains_deploys_asks_and_deletes(ran):
    printed, account = ran
    assert "3.0 5.0 7.0" in printed
    assert account["left"] == [[], [], []]
    done = ended(account, "Completed")
    assert done["AlgorithmSpecification"]["ContainerEntrypoint"] == ["/bin/bash"]
    assert {"code", "sm_drivers"} <= {each["ChannelName"] for each in done["InputDataConfig"]}
    assert done["HyperParameters"] == {"steps": "500"}


def test_a_search_goes_through_the_toolkit(ran):
    search = ran[1]["search"]
    assert search["HyperParameterTuningJobStatus"] == "Completed", search
    assert search["TrainingJobStatusCounters"]["Completed"] == 2
    fixed = search["TrainingJobDefinition"]["StaticHyperParameters"]
    assert fixed["sagemaker_program"] == "train.py"
    assert fixed["sagemaker_submit_directory"].startswith("s3://own-model-3/")
    best = search["BestTrainingJob"]
    assert best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] < 0.1
    assert 1 <= int(best["TunedHyperParameters"]["steps"]) <= 900


def test_a_script_that_fails_is_a_failed_job_with_the_drivers_reason(ran):
    printed, account = ran
    assert "FailedStatusError True" in printed
    assert "returned non-zero exit status 3" in ended(account, "Failed")["FailureReason"]


def test_the_page_is_short_and_others_lead_to_it():
    assert len(PAGE.splitlines()) <= 100
    for name in ("README.md", "README.ja.md", "docs/cloud.md", "docs/cloud.ja.md"):
        assert "sdk-v3.md)" in (REPOSITORY / name).read_text(encoding="utf-8")
