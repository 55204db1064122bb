"""AWS's own images: their addresses, from a table of our own (images.toml)."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from train2deploy import stack
from train2deploy.cloud_settings import arns
from train2deploy.errors import UserError
from train2deploy.toml import tomllib

TABLE = Path(__file__).with_name("images.toml")
TRAINS = {stack.ARTICLES: "1.12.0", stack.TODAYS: "2.21"}
SERVES = {stack.ARTICLES: "1.13", stack.TODAYS: "2.20"}
"""By stack. 1.13 as the SDK's users name it: the container's TensorFlow Serving is 1.13.1."""
TENSORFLOW_2 = re.compile(r":2\.\d+[^:/]*$")
FAMILY = re.compile(r"ml\.([a-z0-9-]+)\.")
ACCELERATORS = re.compile(r"inf|trn")
GRAVITON = re.compile(r"[a-z]+\d+g[a-z]*")
"""Families with AWS's ARM processors: c6g, m7gd, r8g, …; g5 is another matter."""


@cache
def table() -> dict[str, Any]:
    shipped: dict[str, Any] = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return shipped


def training(region: str, instance_type: str) -> str:
    """The script-mode image for an instance type."""
    return address("training", TRAINS[stack.chosen()], region, instance_type)


def serving(region: str, instance_type: str) -> str:
    """The TensorFlow Serving image for an instance type."""
    return address("inference", SERVES[stack.chosen()], region, instance_type)


def stack_of(image: str) -> str:
    """The stack whose containers hold what an image of AWS's does.

    >>> stack_of("763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-inference:2.19.0-cpu")
    'today'
    """
    return stack.TODAYS if TENSORFLOW_2.search(image) else stack.ARTICLES


def address(scope: str, version: str, region: str, instance_type: str) -> str:
    """What image_uris.retrieve of the SageMaker SDK says, and of what it does not list, AWS's list.

    >>> address("inference", "1.13", "us-east-1", "ml.c5.xlarge")
    '763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-inference:1.13-cpu'

    Raises:
        UserError: there is no such image.
    """
    images = table()[scope]
    key = next((key for key in images if version in (key, images[key]["full"])), None)
    if key is None:
        raise UserError(
            f"TensorFlow {version}: expected {' or '.join(images)} for a {scope} image of AWS's."
        )
    image = images[key]
    account = table()["accounts"][image["accounts"]].get(region)
    if account is None or region in image.get("without", ()):
        raise UserError(
            f"region {region}: AWS has no {scope} image of TensorFlow {version} there."
            " Choose another region, for instance REGION=us-east-1."
        )
    suffix = table()["suffix"][arns.partition(region)]
    tag = image["tag"][_processor(image, scope, version, instance_type)]
    return f"{account}.dkr.ecr.{region}.{suffix}/{image['repository']}:{version}-{tag}"


def _processor(image: dict[str, Any], scope: str, version: str, instance_type: str) -> str:
    found = FAMILY.match(instance_type)
    family = found.group(1) if found else ""
    unfit = ACCELERATORS.match(family) or GRAVITON.fullmatch(family)
    if not family or unfit or family in image.get("gone", ()):
        raise UserError(
            f"{instance_type}: AWS has no {scope} image of TensorFlow {version} for it."
            " Choose another type, for instance ml.c5.xlarge."
        )
    return "gpu" if family[0] in "gp" else "cpu"
