"""Which models an unpacked model.tar.gz holds, and TensorFlow Serving's config for them.

docs/contract.md#a2
"""

import os
import re
from typing import List

SAVED_MODEL = "saved_model.pb"

# What the model directory is called in the container: a bundle at the root of the archive
# (123/saved_model.pb) is named after it.
CONTAINER_NAME = "model"

_VERSION = re.compile(r"^[0-9]+$")


class Model:
    """A model of the archive: its name, and the directory that holds its versions."""

    def __init__(self, name, base_path):
        self.name = name
        self.base_path = base_path

    def versions(self):
        """Every numeric directory, as a number without leading zeros, sorted.

        The container passes `0` as an empty string and so breaks its own config; here it is 0.
        """
        return sorted(
            int(entry)
            for entry in os.listdir(self.base_path)
            if entry.isnumeric() and _VERSION.match(entry)
        )

    def __repr__(self):
        return f"Model({self.name!r}, {self.base_path!r})"


def find_models(model_dir):
    """Every model below `model_dir`, in the order of the directory scan.

    A `saved_model.pb` counts when its directory is all digits; the model is the directory
    above that.
    """
    model_dir = os.path.abspath(model_dir)
    models: List[Model] = []
    for path in _saved_models(model_dir):
        version_dir = os.path.dirname(path)
        base_path = os.path.dirname(version_dir)
        # A version directory given as the model directory itself has no model above it.
        if version_dir == model_dir or not _VERSION.match(os.path.basename(version_dir)):
            continue
        if all(model.base_path != base_path for model in models):
            name = CONTAINER_NAME if base_path == model_dir else os.path.basename(base_path)
            models.append(Model(name, base_path))
    return models


def _saved_models(directory):
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _saved_models(entry.path)
            elif entry.name == SAVED_MODEL:
                yield entry.path


def model_config(models, specific_versions):
    """TensorFlow Serving's model_config_list as protobuf text.

    2019 states no version policy, so that only the highest version is served; the last
    container lists every version (`specific_versions`).
    """
    lines = ["model_config_list: {"]
    for model in models:
        lines += [
            "  config: {",
            f"    name: {_quoted(model.name)}",
            f"    base_path: {_quoted(model.base_path)}",
            '    model_platform: "tensorflow"',
        ]
        if specific_versions:
            lines += ["    model_version_policy: {", "      specific: {"]
            lines += [f"        versions: {version}" for version in model.versions()]
            lines += ["      }", "    }"]
        lines.append("  }")
    lines.append("}")
    return "\n".join(lines) + "\n"


def batching_config(parameters):
    """TensorFlow Serving's batching parameters as protobuf text."""
    return "".join("%s { value: %s }\n" % parameter for parameter in parameters)


def _quoted(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
