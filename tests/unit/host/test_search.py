"""tune.toml, the metric definitions, and the faults of the emulator."""

import re

import pytest
from project import REPOSITORY

from emulator import faults, limits
from train2deploy import log_metrics, search
from train2deploy.errors import JobFailed, UserError

LINE = (
    " - 4s - loss: 1.1 - acc: 0.34 - mean_squared_error: 0.22 - mean_absolute_error: 4.4e-01"
    " - val_loss: 1.2 - val_acc: 0.23 - val_mean_squared_error: 0.21"
    " - val_mean_absolute_error: 0.43")


def write(tmp_path, text, version="v1"):
    file = tmp_path / "tune.toml"
    file.write_text(text, encoding="utf-8")
    return search.load(version, file)


def test_the_shipped_search_has_the_articles_ranges():
    wanted = search.load("v1", REPOSITORY / "tune.toml")
    assert wanted.objective == "valid:acc" and wanted.direction == "Maximize"
    ranges = {each.name: each for each in wanted.ranges}
    assert (ranges["hidden"].low, ranges["hidden"].high) == (32, 512)
    assert ranges["hidden"].is_whole and not ranges["dropout"].is_whole
    assert ranges["learning-rate"].log


def test_the_search_of_mymodel_is_its_articles():
    wanted = search.load("mymodel", REPOSITORY / "tune.toml")
    assert (wanted.objective, wanted.direction, wanted.jobs) == ("valid:mse", "Minimize", 50)
    assert [(each.name, each.low, each.high) for each in wanted.ranges] == [
        ("hidden", 32, 512), ("dropout", 0.1, 0.7)]


def test_a_versions_table_takes_the_place_of_the_rest(tmp_path):
    text = "jobs=3\n[ranges.hidden]\nmin=1\nmax=2\n[v2]\njobs=5\n"
    text += "[v2.ranges.ngram-dropout]\nmin=0\nmax=0.5\n"
    assert write(tmp_path, text).jobs == 3
    wanted = write(tmp_path, text, "v2")
    assert wanted.jobs == 5
    (only,) = wanted.ranges
    assert (only.name, only.is_whole) == ("ngram-dropout", False)
    with pytest.raises(UserError, match="VERSION=v9"):
        write(tmp_path, text, "v9")


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_the_shipped_search_is_about_hyperparameters_that_the_script_has(version):
    wanted = search.load(version, REPOSITORY / "tune.toml")
    known = search.hyperparameters_of(version)
    assert "learning-rate" in known
    assert not {"seed", "single-thread", "container-log-level"} & set(known)
    assert {each.name for each in wanted.ranges} <= set(known)
    assert all(each.is_whole == known[each.name] for each in wanted.ranges)


@pytest.mark.parametrize("name, low, high, is_whole", [
    ("members", 1, 5, True), ("patience", 1, 4, True), ("ngram-dimensions", 2, 64, True),
    ("ngram-dropout", 0.0, 0.5, False)])
def test_what_v2_has_of_its_own_can_be_searched_in_v2_alone(tmp_path, name, low, high, is_whole):
    text = f"[v2.ranges.{name}]\nmin={low}\nmax={high}\n"
    (only,) = write(tmp_path, text, "v2").ranges
    assert (only.name, only.low, only.high, only.is_whole) == (name, low, high, is_whole)
    with pytest.raises(UserError, match=rf"ranges.{name}: no such hyperparameter of v1"):
        write(tmp_path, text.replace("v2", "v1"), "v1")


@pytest.mark.parametrize("text, expected", [
    ("colour = 1\n[ranges.hidden]\nmin=1\nmax=2\n", "colour: no such key"),
    ("jobs = 0\n[ranges.hidden]\nmin=1\nmax=2\n", "expected 1 or more"),
    ("jobs = '2'\n[ranges.hidden]\nmin=1\nmax=2\n", "jobs: found '2'"),
    ("objective = 'valid:colour'\n[ranges.hidden]\nmin=1\nmax=2\n", "expected train:acc or"),
    ("[ranges.hidden]\nmin=2\nmax=2\n", "expected numbers min < max"),
    ("[ranges.hidden]\nmin=0\nmax=2\nscale='log'\n", "with min > 0"),
    ("[ranges.hidden]\nmin=1.0\nmax=2\n", "ranges.hidden: expected whole numbers"),
    ("[ranges.colour]\nmin=1\nmax=2\n", "ranges.colour: no such hyperparameter"),
    ("[v1.ranges.refit]\nmin=0\nmax=1\n", "ranges.refit: no such hyperparameter of v1"),
    ("[v8.ranges.hidden]\nmin=1\nmax=2\n", "[v8]: there is no model of this name"),
    ("direction = 'Up'\n", "direction: expected Maximize or Minimize, found 'Up'"),
    ("[ranges.seed]\nmin=1\nmax=2\n", "ranges.seed: no such hyperparameter"),
    ("v1 = 5\n", "v1: no such key"),
    ("[v1]\ncolour = 1\n", "colour: no such key"),
    ("[ranges.hidden]\nmin=0\nstep=2\n", "expected min, max and, if needed, scale"),
])
def test_what_is_wrong_is_named(tmp_path, text, expected):
    with pytest.raises(UserError) as caught:
        write(tmp_path, text)
    assert expected in str(caught.value)


def test_a_search_in_which_every_job_failed_says_so(tmp_path):
    wanted = write(tmp_path, "[ranges.hidden]\nmin=1\nmax=2\n")
    with pytest.raises(JobFailed, match="every job"):
        search.report(wanted, [search.Trial("job", {"hidden": "1"}, None)], tmp_path)


def test_metrics_of_training_and_validation_are_kept_apart():
    found = log_metrics.Metrics()
    found.read(LINE)
    assert found.last == {
        "train:acc": 0.34, "train:mse": 0.22, "train:mae": 0.44,
        "valid:acc": 0.23, "valid:mse": 0.21, "valid:mae": 0.43}


def test_the_accuracy_of_the_test_split_is_no_epochs_metric():
    found = log_metrics.Metrics()
    found.read("test_accuracy=0.3333 test_sentences=18")
    found.read("top_k_categorical_accuracy: 1.0")
    assert found.last == {"train:top-k": 1.0}


def test_definitions_keep_the_platforms_limits():
    for each in log_metrics.DEFINITIONS:
        assert len(each["Name"]) <= 255 and len(each["Regex"]) <= 500
        assert re.compile(each["Regex"]).groups == 1


def test_a_counted_fault_is_used_up_by_the_calls_that_it_concerns():
    some = faults.Faults("throttle:CreateEndpoint:2,error:s3:1")
    assert some.take("sagemaker", "CreateModel") is None
    assert [some.take("sagemaker", "CreateEndpoint") for _ in range(3)] == [
        "throttle", "throttle", None]
    assert some.take("s3", "PutObject") == "error"
    assert some.take("s3", "PutObject") is None


def test_delays_and_instance_types():
    some = faults.Faults("slow:s3:0.5,capacity:ml.p2.xlarge")
    assert some.delay("s3", "GetObject") == 0.5
    assert some.delay("logs", "GetLogEvents") == 0
    assert some.types("capacity") == {"ml.p2.xlarge"}
    assert some.types("limit") == set()


@pytest.mark.parametrize("text", ["explode:s3", "throttle", "throttle:x:y", "slow:s3:-1"])
def test_a_fault_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="expected kind:target"):
        faults.parse(text)


def test_an_endpoints_limits_are_the_platforms():
    """docs/contract.md#a9: an answer within 60 s, healthy within 8 minutes, 5 MB."""
    assert limits.parse("") == limits.Limits(response=60, start=480, body=5 * 1024 * 1024)
    assert limits.parse("response:2,start:0.5") == limits.Limits(response=2, start=0.5)


@pytest.mark.parametrize("text", ["body:1", "response", "response:0", "start:soon", "start:inf"])
def test_a_limit_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="expected name:seconds"):
        limits.parse(text)
