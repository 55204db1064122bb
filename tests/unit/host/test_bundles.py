"""Which models a directory holds, by the names that the container gives them."""

from pathlib import Path

import pytest

from train2deploy import bundles


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["123/saved_model.pb"], ["model"]),
        (["export/Servo/123/saved_model.pb"], ["Servo"]),
        (["half_plus_three/00000123/saved_model.pb"], ["half_plus_three"]),
        (["b/1/saved_model.pb", "a/1/saved_model.pb", "a/2/saved_model.pb"], ["a", "b"]),
        (["latest/saved_model.pb", "1/saved_model.pbtxt", "saved_model.pb"], []),
    ],
)
def test_models_are_named_as_in_the_container(tmp_path: Path, files: list[str], names: list[str]):
    for name in files:
        path = tmp_path / "unpacked" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert bundles.model_names(tmp_path / "unpacked") == names


def test_a_directory_that_is_a_version_itself_holds_no_model(tmp_path: Path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").touch()
    assert bundles.model_names(tmp_path / "1") == []
