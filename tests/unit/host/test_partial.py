"""partial: a try of its own each time, and nothing left of the earlier ones."""

from pathlib import Path

from train2deploy import partial


def test_every_try_has_a_directory_of_its_own_and_clears_those_before(tmp_path: Path):
    target, other = tmp_path / "vectors", tmp_path / "vectors2.part-0"
    other.mkdir()
    first = partial.beside(target)
    first.mkdir()
    (first / "half").touch()
    second = partial.beside(target)
    assert first != second
    assert not first.exists()
    assert second.parent == target.parent
    assert other.exists(), "another target's"
