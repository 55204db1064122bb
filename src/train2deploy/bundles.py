"""The SavedModels of an unpacked model directory, as docs/contract.md#a2 finds them."""

from pathlib import Path

CONTAINER_NAME = "model"
"""What the model directory is called in the container: /opt/ml/model."""


def model_names(model_dir: Path) -> list[str]:
    """The names that the models of a directory are served under, sorted.

    A SavedModel counts when it lies in a directory of digits, its version; its name is that
    of the directory above, and at the root of the archive that is the container's own:
    `123/saved_model.pb` is served as `model`, wherever on this machine it lies.
    """
    root = model_dir.resolve()
    versions = {path.parent for path in root.rglob("saved_model.pb")} - {root}
    bases = {version.parent for version in versions if version.name.isdecimal()}
    return sorted({CONTAINER_NAME if base == root else base.name for base in bases})
