"""CHANNELS='train=dir1 images=dir2': channels of any content, for scripts that read them.

They are laid out as they are, below input/data/<name>. Without `train` they come on top of the
usual ones (train, test, vectors); with `train` they are all there is. But a `train` that holds
features.csv and labels.csv is a data set as DATASET= takes it: it is split, and the usual channels
are made of it.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from train2deploy.datasets import directory
from train2deploy.errors import UserError

VARIABLE = "CHANNELS"
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")  # as SageMaker has them
Channels = Mapping[str, Path]


def parse(text: str) -> dict[str, Path]:
    """The directory of each channel.

    Raises:
        UserError: it is not name=directory, or there is no such directory.
    """
    found: dict[str, Path] = {}
    for word in text.split():
        name, equals, place = word.partition("=")
        if not (equals and place and NAME.fullmatch(name)):
            raise UserError(
                f"{VARIABLE}: expected name=directory, found {word}. For instance"
                f" {VARIABLE}='train=path/to/rows images=path/to/images'."
            )
        if name in found:
            raise UserError(f"{VARIABLE}: the channel {name} is given twice. Leave one out.")
        path = Path(place)
        if not path.is_dir() or not any(path.iterdir()):
            there = "an empty one" if path.is_dir() else "a file" if path.exists() else "nothing"
            raise UserError(f"{VARIABLE}: {word}: expected a directory of files, found {there}.")
        found[name] = path
    return found


def shown(given: Channels) -> str:
    """The same as text, with whole paths in the order of the names: two may be compared."""
    return " ".join(f"{name}={path.resolve()}" for name, path in sorted(given.items()))


def is_data_set(given: Channels) -> bool:
    """Whether `train` is a data set of ours, which is split."""
    train = given.get("train")
    if train is None:
        return False
    places = (train, train / "train")
    return any((place / name).is_file() for place in places for name in directory.FILES)


def on_top(usual: Channels, given: Channels) -> dict[str, Path]:
    """The channels of a job: the usual ones with the given ones among them."""
    further = {name: path for name, path in given.items() if name != "train"}
    return {**usual, **further} if has_usual(given) else dict(given)


def has_usual(given: Channels) -> bool:
    """Whether a job has the usual channels."""
    return "train" not in given or is_data_set(given)


def data_set(given: Channels, dataset: str, is_given: bool) -> str:
    """What DATASET is: `train`, where that is a data set.

    Raises:
        UserError: both are given.
    """
    if not is_data_set(given):
        return dataset
    if is_given:
        raise UserError(
            f"DATASET={dataset} {VARIABLE}=train={given['train']}: two data sets. Leave one out."
        )
    return str(given["train"])
