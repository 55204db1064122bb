"""The same search here, by Optuna, and as a tuning job."""

import json

import pytest
from conftest import forbidden

SEARCH = """
objective = "valid:mse"
jobs = 2
parallel = 2
[ranges.hidden]
min = 4
max = 8
[ranges.learning-rate]
min = 0.0002
max = 0.02
scale = "log"
"""
SCRIPT = '''"""No network: its loss is the product of what it is given."""
import os
import sys
import arguments

HYPERPARAMETERS = [
    ('hidden', arguments.at_least(1), 8, 'one factor'),
    ('learning-rate', arguments.positive, 0.001, 'the other'),
]
args = arguments.parse(sys.argv[1:], HYPERPARAMETERS, __doc__)
print(' - val_mean_squared_error: {:.6f}'.format(args.hidden * args.learning_rate))
os.mkdir(args.sm_model_dir + '/1')
with open(args.sm_model_dir + '/1/saved_model.pb', 'w') as model:
    model.write('none')
'''


@pytest.fixture(scope="module")
def search(project):
    (project.root / "tune.toml").write_text(SEARCH, encoding="utf-8")
    return project


def check(results):
    assert results["objective"] == "valid:mse" and results["direction"] == "Minimize"
    values = {trial["name"]: trial["value"] for trial in results["trials"]}
    assert len(values) == 2 and all(0 < value < 1 for value in values.values())
    best = min(results["trials"], key=lambda trial: trial["value"])
    assert results["best"] == best["parameters"]
    for trial in results["trials"]:
        assert 4 <= int(trial["parameters"]["hidden"]) <= 8
        assert 0.0002 <= float(trial["parameters"]["learning-rate"]) <= 0.02


def test_here_it_ends_with_a_table_a_plot_and_the_best_and_goes_on_where_it_was(search):
    script = search.root / "models" / "product" / "train.py"
    script.parent.mkdir(parents=True)
    script.write_text(SCRIPT, encoding="utf-8")
    command = ["tune", *search.taken("tune", *search.variables, "VERSION=product")]
    output = search.make("--no-print-directory", *command).stdout
    assert "best: HIDDEN=" in output and "LEARNING_RATE=" in output
    folder = next(path for path in (search.build / "tune").iterdir() if path.is_dir())
    results = json.loads((folder / "results.json").read_text())
    check(results)
    for trial in results["trials"]:
        factors = [float(trial["parameters"][name]) for name in ("hidden", "learning-rate")]
        assert trial["value"] == pytest.approx(factors[0] * factors[1], abs=1e-6)
    for name in ("search.png", "search.svg"):
        assert (folder / name).stat().st_size > 5000
    assert "2 of 2 jobs are done already" in search.make("--no-print-directory", *command).stdout


def test_on_sagemaker_a_tuning_job_does_the_same(search, account):
    output = search.cloud("cloud-tune").stdout
    assert "2 × ml.p2.xlarge for at most 1 h: 2.25 USD" in output
    assert "2 done, 0 running, 0 failed" in output
    folder = next((search.build / "cloud").glob("train2deploy-tune-*"))
    check(json.loads((folder / "results.json").read_text()))
    assert len(account.names()["TrainingJob"]) == 2
    assert account.count("ListTrainingJobsForHyperParameterTuningJob") == 1
    assert forbidden(account.calls()) == set()
    again = search.cloud("cloud-tune").stdout
    assert "there already, Completed" in again
    assert len(account.names()["TrainingJob"]) == 2
