"""hashing: the same value for the same contents, another for others."""

import hashlib
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train2deploy.hashing import sha256_file, sha256_tree, sha256_value


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_a_files_hash_is_that_of_its_bytes(tmp_path: Path, size: int):
    data = b"x" * size
    (tmp_path / "a").write_bytes(data)
    assert sha256_file(tmp_path / "a") == hashlib.sha256(data).hexdigest()


def lay(directory: Path, tree: dict[str, str]) -> Path:
    for name, text in tree.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return directory


TREE = {"a": "1", "b/c": "2", "b/d": ""}


def test_a_trees_hash_does_not_depend_on_where_it_lies(tmp_path: Path):
    lay(tmp_path / "x", TREE)
    shutil.copytree(tmp_path / "x", tmp_path / "y")
    assert sha256_tree(tmp_path / "x") == sha256_tree(tmp_path / "y")


@pytest.mark.parametrize(
    "other",
    [
        {**TREE, "a": "0"},
        {**TREE, "e": ""},
        {"a": "1", "b/c": "2"},
        {"A": "1", "b/c": "2", "b/d": ""},
        {"a": "1", "c": "2", "d": ""},
    ],
    ids=["content", "more", "less", "name", "folder"],
)
def test_another_tree_has_another_hash(tmp_path: Path, other: dict[str, str]):
    assert sha256_tree(lay(tmp_path / "x", TREE)) != sha256_tree(lay(tmp_path / "y", other))


def test_compiled_python_is_no_part_of_a_tree(tmp_path: Path):
    before = sha256_tree(lay(tmp_path, TREE))
    assert sha256_tree(lay(tmp_path, {"__pycache__/a.pyc": "x"})) == before


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=6,
)


@given(value=st.dictionaries(st.sampled_from("abcdef"), VALUES))
def test_a_values_hash_does_not_depend_on_the_order_of_keys(value: dict):
    assert sha256_value(dict(reversed(value.items()))) == sha256_value(value)


@given(first=VALUES, second=VALUES)
def test_equal_hashes_mean_equal_values(first: object, second: object):
    assert (sha256_value(first) == sha256_value(second)) == (repr(first) == repr(second))
