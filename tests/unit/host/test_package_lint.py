"""package_lint: one line for each known mistake of layout, none for a good archive."""

import io
import tarfile
from pathlib import Path

import pytest

from train2deploy.errors import UserError
from train2deploy.package_lint import check_directory, container_paths, problems

GOOD = [
    "1/saved_model.pb",
    "1/variables/variables.index",
    "1/variables/variables.data-00000-of-00001",
    "code/inference.py",
    "code/encoding.py",
    "code/labels.json",
    "code/lib/package/inference.py",
]


def archive_of(path: Path, names: list[str]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name in names:
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    return path


def lint(tmp_path: Path, names: list[str]) -> list[str]:
    archive = archive_of(tmp_path / "model.tar.gz", names)
    found = problems(archive)
    assert all(line.startswith(f"{archive}: ") and "\n" not in line for line in found)
    return [line.removeprefix(f"{archive}: ") for line in found]


@pytest.mark.parametrize(
    "names",
    [
        GOOD,
        ["./" + name for name in GOOD],
        [name for name in GOOD if "/lib/" not in name] + ["code/requirements.txt"],
        ["1/saved_model.pb"],
        ["model/00000123/saved_model.pb"],
        ["half/1/saved_model.pb", "half/2/saved_model.pb", "other/1/saved_model.pb"],
    ],
    ids=["lib", "with ./", "requirements", "no code", "a named model", "several models"],
)
def test_a_good_archive_has_no_problem(tmp_path: Path, names: list[str]):
    assert lint(tmp_path, names) == []


WITHOUT_MODEL = [name for name in GOOD if not name.startswith("1/")]
WITHOUT_HANDLER = [name for name in GOOD if name != "code/inference.py"]

MISTAKES = {
    "empty": ([], "no saved_model.pb in it"),
    "no model": (WITHOUT_MODEL, "no saved_model.pb in it"),
    "model at the root": (
        [*WITHOUT_MODEL, "saved_model.pb"],
        "saved_model.pb: a SavedModel is served only from a folder with a numeric name",
    ),
    "model under a name": (
        [*WITHOUT_MODEL, "export/saved_model.pb"],
        "export/saved_model.pb: a SavedModel is served only from a folder with a numeric name",
    ),
    "a version with a v": (
        [*WITHOUT_MODEL, "v1/saved_model.pb"],
        "v1/saved_model.pb: a SavedModel is served only",
    ),
    "inference.py at the root": (
        [*WITHOUT_HANDLER, "inference.py"],
        "inference.py: would be ignored",
    ),
    "inference.py beside the model": (
        [*WITHOUT_HANDLER, "1/inference.py"],
        "1/inference.py: would be ignored",
    ),
    "inference.py in a folder of code": (
        [*WITHOUT_HANDLER, "code/src/inference.py"],
        "code/src/inference.py: would be ignored",
    ),
    "inference.py in lib at the root": (
        [*WITHOUT_HANDLER, "lib/inference.py"],
        "lib/inference.py: would be ignored",
    ),
    "lib and requirements": (
        [*GOOD, "code/requirements.txt"],
        "code/requirements.txt beside code/lib/ is ignored",
    ),
    "notebook checkpoints": (
        [*GOOD, "code/.ipynb_checkpoints/inference-checkpoint.py"],
        "code/.ipynb_checkpoints/inference-checkpoint.py: notebook checkpoints",
    ),
    "a wrapping folder": (
        ["model/" + name for name in GOOD],
        "everything lies in a folder 'model'",
    ),
    "a wrapping folder with ./": (
        ["./model/" + name for name in GOOD],
        "everything lies in a folder 'model'",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_line(tmp_path: Path, mistake: str):
    names, expected = MISTAKES[mistake]
    (line,) = lint(tmp_path, names)
    assert line.startswith(expected)


def test_several_mistakes_are_told_at_once(tmp_path: Path):
    found = lint(tmp_path, ["export/saved_model.pb", "inference.py", ".ipynb_checkpoints/x"])
    assert len(found) == 3


@pytest.mark.parametrize("content", [b"", b"no archive" * 200, b"\x1f\x8b\x08\x00" + bytes(50)])
def test_no_archive_is_a_users_error(tmp_path: Path, content: bytes):
    path = tmp_path / "model.tar.gz"
    path.write_bytes(content)
    with pytest.raises(UserError, match="expected a tar archive"):
        problems(path)


def linked(name: str, kind: bytes, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


LINKS = {
    "symbolic": linked("1/assets/words.txt", tarfile.SYMTYPE, "../../words.txt"),
    "hard": linked("1/assets/words.txt", tarfile.LNKTYPE, "1/saved_model.pb"),
}


@pytest.mark.parametrize("kind", LINKS)
def test_a_link_is_named_with_what_sagemaker_answers(tmp_path: Path, kind: str):
    archive = tmp_path / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("1/saved_model.pb"))
        tar.addfile(LINKS[kind])
    (line,) = problems(archive)
    assert line.startswith(f"{archive}: 1/assets/words.txt is a {kind} link to ")
    assert '"Failed to extract model data archive"' in line


def test_of_several_links_the_first_is_named_and_the_others_are_counted(tmp_path: Path):
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("1/saved_model.pb"))
        for number in range(3):
            tar.addfile(linked(f"1/{number}", tarfile.SYMTYPE, "saved_model.pb"))
    (line,) = problems(tmp_path / "model.tar.gz")
    assert "1/0 is a symbolic link to saved_model.pb (and 2 more)" in line


@pytest.mark.parametrize("mode", ["w", "w:bz2", "w:xz"])
def test_a_tar_that_is_not_compressed_with_gzip_is_named(tmp_path: Path, mode: str):
    archive = tmp_path / "model.tar.gz"
    with tarfile.open(archive, mode) as tar:
        tar.addfile(tarfile.TarInfo("1/saved_model.pb"))
    (line,) = problems(archive)
    assert "not compressed with gzip" in line
    assert '"Failed to extract model data archive"' in line


# --- a directory: MODEL_DIR= ------------------------------------------------------------------


def test_a_directory_with_a_model_is_served(tmp_path: Path):
    for name in ("a/1/saved_model.pb", "a/code/inference.py", "b/name/2/saved_model.pb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    check_directory(tmp_path / "a")
    check_directory(tmp_path / "b")


@pytest.mark.parametrize(
    "kind, message",
    [
        ("vanished", "expected a directory, found nothing."),
        ("dangling", "expected a directory, found nothing."),
        ("file", "expected a directory, found a file; unpack it first"),
        ("empty", "no saved_model.pb in it: expected <number>/saved_model.pb"),
        ("root", "saved_model.pb: a SavedModel is served only from a folder with a numeric name"),
        ("1", "this is a version of a model; give the folder above it, MODEL_DIR="),
    ],
)
def test_a_directory_that_cannot_be_served_is_told_in_one_line(tmp_path, kind, message):
    place = tmp_path / kind
    if kind == "file":
        place.touch()
    elif kind == "dangling":
        place.symlink_to("nowhere")
    elif kind != "vanished":
        place.mkdir()
    if kind in ("root", "1"):
        (place / "saved_model.pb").touch()
    with pytest.raises(UserError) as caught:
        check_directory(place)
    assert str(caught.value).startswith(f"MODEL_DIR={place}: {message}")
    assert "\n" not in str(caught.value)


def test_a_multi_model_endpoint_may_start_without_a_model(tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_MULTI_MODEL", "true")
    check_directory(tmp_path)


@pytest.mark.parametrize(
    "text, warned",
    [
        ("LABELS = '/opt/ml/model/code/labels.txt'", True),
        ('import os\nos.listdir("/opt/ml/model")', True),
        ("PATH = '/opt/ml/models/a/code'", True),
        ("HERE = os.path.dirname(__file__)", False),
        ("x = '/opt/ml/model-data'", False),
    ],
)
@pytest.mark.parametrize("name", ["inference.py", "parts/reader.py", "settings.json"])
def test_a_path_that_only_a_container_has_is_named_with_its_line(tmp_path, name, text, warned):
    path = tmp_path / "code" / name
    path.parent.mkdir(parents=True)
    path.write_text("# ラベル\n" + text, encoding="utf-8")
    lines = container_paths(tmp_path)
    assert len(lines) == warned
    if warned:
        assert lines[0].startswith(f"code/{name}, line {2 + text.startswith('import')}: names")
        assert "os.path.dirname(__file__)" in lines[0] and "RUNTIME=docker" in lines[0]


def test_packages_and_plain_models_are_not_read_for_paths(tmp_path: Path):
    assert container_paths(tmp_path) == []
    (tmp_path / "code" / "lib").mkdir(parents=True)
    (tmp_path / "code" / "lib" / "a.py").write_text("'/opt/ml/model'", encoding="utf-8")
    (tmp_path / "code" / "x.bin").write_bytes(b"/opt/ml/model\xff")
    assert container_paths(tmp_path) == []
