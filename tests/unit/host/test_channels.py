"""datasets.channels: build/data, written whole or not at all, the same for the same seed."""

import importlib.util
import json
import random
import subprocess
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train2deploy import manifest, paths
from train2deploy.datasets import channels, directory, sample
from train2deploy.datasets.rows import DataSet, Row
from train2deploy.hashing import sha256_file, sha256_tree, sha256_value


def train_side() -> ModuleType:
    """src/train/channels.py, which runs in the other Python."""
    path = paths.TRAIN_SOURCE / "channels.py"
    spec = importlib.util.spec_from_file_location("train_channels", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TRAIN_CHANNELS = train_side()


@pytest.fixture(autouse=True)
def without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes for each manifest are too many for hundreds of examples."""
    monkeypatch.setattr(manifest, "git_state", dict)


def dataset_of(rows: list[Row], test_ids: frozenset[str] | None = None) -> DataSet:
    key = [[row.id, row.text, row.label] for row in rows]
    return DataSet(rows, test_ids, {"dataset": "made", "rows": key})


def some_rows(count: int = 40) -> list[Row]:
    return [
        Row(str(n), f"文 {n}", "京都" if n % 4 else "グルメ", f"article {n // 5}")
        for n in range(count)
    ]


def test_train_and_test_are_written_row_for_row(tmp_path: Path):
    dataset = sample.load()
    line = channels.write(dataset, 1, "random", tmp_path / "data")
    assert line.endswith("sample, seed 1: train 1,808, test 201 sentences")
    written = {part: channels.read(tmp_path / "data" / part) for part in ("train", "test")}
    expected = Counter((row.text, row.label) for row in dataset.rows)
    assert Counter((row.text, row.label) for part in written.values() for row in part) == expected
    held_out = {row.text for row in dataset.rows if row.id in dataset.test_ids}
    assert {row.text for row in written["test"]} == held_out


def test_the_split_is_stored_as_ids(tmp_path: Path):
    rows = some_rows()
    channels.write(dataset_of(rows), 1, "random", tmp_path / "data")
    ids = json.loads((tmp_path / "data" / "split.json").read_text(encoding="utf-8"))
    by_id = {row.id: row for row in rows}
    for part in ("train", "test"):
        texts = [row.text for row in channels.read(tmp_path / "data" / part)]
        assert texts == [by_id[row_id].text for row_id in ids[part]]


def test_the_same_seed_gives_the_same_files_whatever_the_order_of_parts(tmp_path: Path):
    for name in ("a", "b"):
        channels.write(dataset_of(some_rows()), 7, "random", tmp_path / name)
    assert sha256_tree(tmp_path / "a" / "train") == sha256_tree(tmp_path / "b" / "train")
    assert sha256_tree(tmp_path / "a" / "test") == sha256_tree(tmp_path / "b" / "test")


def test_another_seed_gives_another_order_of_the_same_sentences(tmp_path: Path):
    fixed = frozenset({"1", "2", "3", "4"})
    texts = []
    for seed in (1, 2):
        channels.write(dataset_of(some_rows(), fixed), seed, "random", tmp_path / str(seed))
        texts.append([row.text for row in channels.read(tmp_path / str(seed) / "train")])
    assert texts[0] != texts[1]
    assert sorted(texts[0]) == sorted(texts[1])


def test_rows_that_came_sorted_by_label_leave_mixed(tmp_path: Path):
    rows = sorted(some_rows(400), key=lambda row: row.label)
    channels.write(dataset_of(rows), 1, "random", tmp_path / "data")
    last_tenth = channels.read(tmp_path / "data" / "train")[-36:]
    assert {row.label for row in last_tenth} == {"京都", "グルメ"}


def test_by_article_no_article_is_on_both_sides(tmp_path: Path):
    rows = some_rows(200)
    channels.write(dataset_of(rows), 1, "article", tmp_path / "data")
    group = {row.text: row.group for row in rows}
    sides = [
        {group[row.text] for row in channels.read(tmp_path / "data" / part)}
        for part in ("train", "test")
    ]
    assert sides[0].isdisjoint(sides[1])
    assert all(sides)


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_second_time_nothing_is_written(tmp_path: Path):
    target = tmp_path / "data"
    channels.write(dataset_of(some_rows()), 1, "random", target)
    before = state(tmp_path)
    assert channels.write(dataset_of(some_rows()), 1, "random", target).endswith("(made, seed 1)")
    assert state(tmp_path) == before


@pytest.mark.parametrize(
    "changed",
    [
        lambda target: channels.write(dataset_of(some_rows()), 2, "random", target),
        lambda target: channels.write(dataset_of(some_rows()), 1, "article", target),
        lambda target: channels.write(dataset_of(some_rows(39)), 1, "random", target),
    ],
    ids=["seed", "split", "rows"],
)
def test_another_seed_split_or_data_set_is_written_anew(tmp_path: Path, changed):
    target = tmp_path / "data"
    channels.write(dataset_of(some_rows()), 1, "random", target)
    before = state(target)
    assert "up to date" not in changed(target)
    assert state(target) != before


def test_what_an_older_code_split_is_split_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    target = tmp_path / "data"
    monkeypatch.setattr(channels.split, "stratified", lambda rows, seed: frozenset({"1", "2"}))
    channels.write(dataset_of(some_rows()), 1, "random", target)
    monkeypatch.undo()
    monkeypatch.setattr(manifest, "git_state", dict)
    assert "up to date" in channels.write(dataset_of(some_rows()), 1, "random", target)
    monkeypatch.setattr(channels, "FORMAT", channels.FORMAT + 1)
    told = channels.write(dataset_of(some_rows()), 1, "random", target)
    assert "train 36, test 4 sentences" in told
    assert "up to date" in channels.write(dataset_of(some_rows()), 1, "random", target)


def test_a_manifest_that_names_no_format_is_of_an_older_code(tmp_path: Path):
    target = tmp_path / "data"
    channels.write(dataset_of(some_rows()), 1, "random", target)
    record = manifest.read(target / "manifest.json")
    assert record is not None
    del record["inputs"]["format"]
    manifest.write(target / "manifest.json", record["inputs"], record["outputs"])
    assert "up to date" not in channels.write(dataset_of(some_rows()), 1, "random", target)


WRITTEN = {
    1: {
        "random": "505d870512995375d1e5f4ec233b252e8dd21c2791726f3046d9bc29c6fc641a",
        "article": "74a0b02e2e0bc8afbabd48af0a37f3e754dcd479f353767f95092c341843137c",
        "given": "5d5de5c78bf15124c42dea7b1ca8965417c168ac48edad6462d2ef032973877e",
    }
}
"""By FORMAT: sha256 of build/data of 40 made rows, split in each way."""


@pytest.mark.parametrize("way", ["random", "article", "given"])
def test_the_number_of_the_format_stands_for_these_files(tmp_path: Path, way: str):
    """Where this fails, raise channels.FORMAT and add here what is written now."""
    test_ids = frozenset({"3", "7"}) if way == "given" else None
    target = tmp_path / "data"
    channels.write(dataset_of(some_rows(), test_ids), 5, way, target)
    found = {name: sha256_file(target / name) for name in channels.FILES}
    assert sha256_value(found) == WRITTEN[channels.FORMAT][way]


@pytest.mark.parametrize("lost", ["train/features.csv", "test/labels.csv", "split.json"])
def test_a_lost_file_is_written_again(tmp_path: Path, lost: str):
    target = tmp_path / "data"
    channels.write(dataset_of(some_rows()), 1, "random", target)
    before = (target / lost).read_bytes()
    (target / lost).unlink()
    channels.write(dataset_of(some_rows()), 1, "random", target)
    assert (target / lost).read_bytes() == before


def test_what_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    target = tmp_path / "data"
    channels.write(dataset_of(some_rows()), 1, "random", target)
    before = state(target)

    def disk_full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(manifest, "write_json", disk_full)
    with pytest.raises(OSError, match="No space"):
        channels.write(dataset_of(some_rows()), 2, "random", target)
    assert state(target) == before
    monkeypatch.undo()
    channels.write(dataset_of(some_rows()), 2, "random", target)
    assert not list(tmp_path.glob("data.part*"))


def test_the_manifest_holds_hashes_and_counts(tmp_path: Path):
    target = tmp_path / "data"
    channels.write(dataset_of(some_rows()), 1, "random", target)
    record = manifest.read(target / "manifest.json")
    assert record is not None
    assert record["inputs"]["seed"] == 1
    assert record["outputs"]["train"] == sha256_tree(target / "train")
    assert record["counts"] == {
        "train": {"京都": 27, "グルメ": 9},
        "test": {"京都": 3, "グルメ": 1},
    }


# NUL is refused by `directory` (Python 3.6's csv cannot read it) and in no other data set.
TEXTS = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"))


@given(texts=st.lists(TEXTS, min_size=20, max_size=25), label=TEXTS.filter(str.strip))
def test_any_text_is_read_back_by_either_side(tmp_path_factory, texts, label):
    rows = [Row(str(n), text, "other" if n % 2 else label) for n, text in enumerate(texts)]
    target = tmp_path_factory.mktemp("data") / "data"
    channels.write(dataset_of(rows, frozenset({"0", "1", "2"})), 1, "random", target)
    expected = [(row.text, row.label) for row in rows]
    random.Random(1).shuffle(expected)
    held_out = {(row.text, row.label) for row in rows[:3]}
    here = channels.read(target / "train")
    sentences, labels = TRAIN_CHANNELS.read_split(str(target / "train"))
    assert [(row.text, row.label) for row in here] == list(zip(sentences, labels, strict=True))
    test = channels.read(target / "test")
    assert {(row.text, row.label) for row in test} == held_out
    both = Counter((row.text, row.label) for row in here + test)
    assert both == Counter(expected)


@given(texts=st.lists(TEXTS.filter(str.strip), min_size=4, max_size=12), seed=st.integers(0, 1000))
def test_any_text_of_a_users_directory_arrives_in_training(tmp_path_factory, texts, seed):
    """write → directory.load → write → src/train's reader."""
    folder = tmp_path_factory.mktemp("mine")
    rows = [Row(str(n), text, "odd" if n % 2 else "even") for n, text in enumerate(texts)]
    channels.write(dataset_of(rows, frozenset()), 1, "random", folder / "first")
    loaded = directory.load(folder / "first" / "train")
    assert [row.text for row in loaded.rows] == [
        row.text for row in channels.read(folder / "first" / "train")
    ]
    whole = DataSet(loaded.rows, frozenset(), {"dataset": "again"})
    channels.write(whole, seed, "random", folder / "second")
    sentences, labels = TRAIN_CHANNELS.read_split(str(folder / "second" / "train"))
    expected = Counter((row.text, row.label) for row in rows)
    assert Counter(zip(sentences, labels, strict=True)) == expected


NASTY = [
    "a\rb",
    "a\r\nb",
    "\r",
    "\n",
    '"',
    '""",',
    "",
    " ",
    ",",
    "a\u2028b\x85c\x0bd\x0ce\x1cf",
    "\ufeff",
    "𠮷野家",
    "é e\u0301",
    "\x01\x7f",
    "\t",
    "\\",
    "'",
]


def test_python_36_reads_what_this_python_wrote(tmp_path: Path):
    rows = [Row(str(n), text, "ab"[n % 2]) for n, text in enumerate(NASTY)]
    channels.write(dataset_of(rows, frozenset()), 1, "random", tmp_path / "data")
    code = "import channels, json, sys; print(json.dumps(channels.read_split(sys.argv[1])))"
    done = subprocess.run(
        [str(paths.TRAIN_PYTHON), "-c", code, str(tmp_path / "data" / "train")],
        env={"PYTHONPATH": str(paths.TRAIN_SOURCE), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=True,
    )
    sentences, labels = json.loads(done.stdout)
    assert Counter(zip(sentences, labels, strict=True)) == Counter((r.text, r.label) for r in rows)


def test_files_that_do_not_fit_are_not_read(tmp_path: Path):
    (tmp_path / "features.csv").write_text("feature\na\nb\n")
    (tmp_path / "labels.csv").write_text("label\nx\n")
    with pytest.raises(ValueError, match="shorter"):
        channels.read(tmp_path)
