"""Names of jobs, models and configurations: within SageMaker's limits, and never two alike."""

import re

import iam
import pytest

from train2deploy import versions
from train2deploy.cloud_settings import config, names

OF_SAGEMAKER = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")
DIGEST = "0123456789ab"


def made(name):
    """The longest names that are made of one, with the most that each may have."""
    return {
        **{
            names.attempt(names.training_job(name, version, DIGEST[:10]), names.ATTEMPTS - 1): 63
            for version in (*(one.name for one in versions.known()), "小_さ", "a_b.c")
        },
        names.attempt(f"{names.batch(name)}-batch-{DIGEST[:10]}", names.ATTEMPTS - 1): 63,
        f"{names.tuning(name)}-tune-{DIGEST[:8]}": 32,
        f"{names.tuning(name)}-tune-{DIGEST[:8]}-001-{DIGEST[:8]}": 63,
        f"{names.serving(name)}-{DIGEST}": 63,
    }


@pytest.mark.parametrize("length", range(1, 64))
def test_every_name_keeps_to_sagemakers_limits(length):
    for letters in ("a" * 63, "aB-c" * 16, "a-" * 31 + "a"):
        name = letters[:length].rstrip("-")
        for found, longest in made(name).items():
            assert OF_SAGEMAKER.fullmatch(found) and len(found) <= longest


@pytest.mark.parametrize("beginning, room", [
    (names.serving, 50), (names.training, 46), (names.batch, 43), (names.tuning, 18)])
def test_a_name_is_cut_only_where_what_follows_needs_room(beginning, room):
    assert beginning("a" * room) == "a" * room
    assert re.fullmatch(rf"a{{{room - 12}}}--[0-9a-f]{{10}}", beginning("a" * (room + 1)))


@pytest.mark.parametrize("beginning", [names.serving, names.training, names.batch, names.tuning])
def test_names_that_differ_only_where_they_are_cut_stay_apart(beginning):
    whole = [f"{'a' * 60}-{number:02}" for number in range(100)]
    assert len({beginning(name) for name in whole}) == 100


def test_a_cut_name_is_nobodys_whole_one():
    for beginning in (names.serving, names.training, names.batch, names.tuning):
        assert not config.NAME.fullmatch(beginning("a" * 63))


@pytest.mark.parametrize("name", ["Topics", "a" * 18, "B" * 40, "c" * 63])
def test_the_policy_allows_what_is_made_and_not_what_begins_alike(name):
    settings = config.Config(role="R", bucket="my-bucket", project=name, endpoint_name=name)
    kinds = {
        "CreateTrainingJob": ("training-job", f"{names.training(name)}-v1-x"),
        "DescribeTrainingJob": ("training-job", f"{names.tuning(name)}-tune-x-001-y"),
        "CreateTransformJob": ("transform-job", f"{names.batch(name)}-batch-x"),
        "CreateHyperParameterTuningJob": (
            "hyper-parameter-tuning-job", f"{names.tuning(name)}-tune-x"),
        "CreateModel": ("model", f"{names.serving(name)}-{DIGEST}"),
        "CreateEndpoint": ("endpoint", name),
    }
    other = config.Config(
        role="R", bucket="my-bucket", project=name[:-1] + "9", endpoint_name=name[:-1] + "9")
    for action, (kind, resource) in kinds.items():
        arn = f"arn:aws:sagemaker:us-east-1:123456789012:{kind}/{resource.lower()}"
        assert iam.allows("caller", settings, f"sagemaker:{action}", arn)
        assert not iam.allows("caller", other, f"sagemaker:{action}", arn)
