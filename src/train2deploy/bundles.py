"""The SavedModels of an unpacked model directory, as docs/contract.md#a2 finds them."""

from pathlib import Path

CONTAINER_NAME = "model"  # what the model directory is called in the container: /opt/ml/model


def newest(model_dir: Path) -> dict[str, Path]:
    """The models of a directory by the names that they are served under, each with the directory
    of its highest version.

    A SavedModel counts when it lies in a directory of digits, its version; its name is that
    of the directory above, and at the root of the archive that is the container's own:
    `123/saved_model.pb` is served as `model`, wherever on this machine it lies.
    """
    root = model_dir.resolve()
    versions = {path.parent for path in root.rglob("saved_model.pb")} - {root}
    numbered = (version for version in versions if version.name.isdecimal())
    found: dict[str, Path] = {}
    for version in sorted(numbered, key=lambda path: (int(path.name), path)):
        found[CONTAINER_NAME if version.parent == root else version.parent.name] = version
    return found


def latest(model: Path) -> Path:
    """The directory of the highest version among those that a model's directory holds."""
    return max((path for path in model.iterdir() if path.name.isdigit()), key=_number)


def _number(version: Path) -> int:
    return int(version.name)


def model_names(model_dir: Path) -> list[str]:
    return sorted(newest(model_dir))
