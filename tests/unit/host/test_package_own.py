"""package: a user's own inference.py (CODE=, INCLUDE=) and a model of elsewhere (MODEL=)."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from test_package import MODEL, OUTPUT, files, make_job

from train2deploy import archives, manifest, package, paths, staleness
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_file
from train2deploy.package_code import NOTHING_ASKED, Asked

GRAPH = b"\x08\x01graph"
HANDLER = b"def handler(data, context):\n    return data.read(), 'text/csv'\n"
PAIR = b"""from reading import input_handler
try:
    import fast as output_handler
except ImportError:
    def output_handler(response, context):
        return response.content, None
"""


def write(folder: Path, tree: dict[str, bytes]) -> Path:
    for name, content in tree.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def packed(source: Path, asked: Asked = NOTHING_ASKED) -> dict[str, bytes]:
    package.package(source, asked, paths.MODEL_ARCHIVE)
    return files(paths.MODEL_ARCHIVE)


def facts() -> dict:
    record = manifest.read(paths.BUILD / "model.tar.gz.manifest.json")
    assert record is not None
    return record["inputs"]


@pytest.fixture
def code(project: Path) -> Path:
    tree = {"inference.py": HANDLER, "parts/words.txt": b"a\n", "__pycache__/x.pyc": b""}
    return write(project / "mine", {**tree, ".git/HEAD": b""})


# --- CODE and INCLUDE ------------------------------------------------------------------------


def test_own_code_goes_along_in_place_of_ours(code: Path):
    found = packed(make_job(paths.JOBS / "own-1"), Asked(code))
    assert found == {**MODEL, "code/inference.py": HANDLER, "code/parts/words.txt": b"a\n"}
    assert facts()["code"] == "mine"


def test_without_the_files_that_ours_reads_a_job_is_packed_without_code(project, capsys):
    job = make_job(paths.JOBS / "own-1", output={"labels.json": b"[]"})
    assert packed(job) == MODEL
    assert "no inference.py, the model server's own JSON and CSV; " in capsys.readouterr().out
    write(job / "code", {"train.py": b"", "inference.py": HANDLER})
    assert packed(job) == MODEL
    assert "CODE=<folder> takes the inference.py that lies" in capsys.readouterr().out
    assert paths.MODEL_ARCHIVE.read_bytes() == (job / "model.tar.gz").read_bytes()


def test_the_code_that_a_script_left_beside_its_model_is_kept(project: Path):
    model = {**MODEL, "code/inference.py": HANDLER}
    assert packed(make_job(paths.JOBS / "own-1", model)) == model


def test_the_named_files_of_the_output_go_along(code: Path):
    job = make_job(paths.JOBS / "own-1", output={**OUTPUT, "deep/words.txt": b"w"})
    found = packed(job, Asked(code, ["labels.json", "deep"]))
    assert sorted(set(found) - set(MODEL)) == [
        "code/deep/words.txt", "code/inference.py", "code/labels.json", "code/parts/words.txt",
    ]  # fmt: skip
    assert found["code/labels.json"] == OUTPUT["labels.json"]


def test_a_script_may_list_what_goes_along(code: Path):
    job = make_job(paths.JOBS / "own-1", output={"a": b"1", "b": b"2", "include.txt": b"a\n\n"})
    assert "code/a" in packed(job, Asked(code))
    assert "code/b" not in packed(job, Asked(code))
    assert "code/a" not in packed(job, Asked(code, ["b"])), "what is given counts"


@pytest.mark.parametrize(
    "output, include, said",
    [
        ({"a": b""}, ["b"], "INCLUDE: expected b in what the script left .* found a"),
        ({"include.txt": b"../b"}, None, r"include.txt: expected \.\./b in what the script left"),
    ],
)
def test_what_the_script_did_not_leave_is_refused(code, output, include, said):
    with pytest.raises(UserError, match=said):
        packed(make_job(paths.JOBS / "own-1", output=output), Asked(code, include))


def test_files_for_no_code_are_refused(project: Path):
    with pytest.raises(UserError, match="INCLUDE=a: expected CODE="):
        packed(make_job(paths.JOBS / "own-1", output={"a": b""}), Asked(include=["a"]))


def test_a_folder_without_inference_py_is_refused(project: Path):
    job = make_job(paths.JOBS / "own-1")
    write(project, {"empty/x.py": b"", "file.py": HANDLER})
    for name, found in (("empty", "none"), ("file.py", "a file"), ("gone", "nothing")):
        with pytest.raises(UserError, match=f"CODE=.*{name}: expected a folder .*, found {found}"):
            packed(job, Asked(project / name))


@pytest.mark.parametrize(
    "text, said",
    [
        (b"def handler(data, context)\n", r"inference.py, line 1: not Python 3.6"),
        (b"\n\nif (n := 1):\n    pass\n", r"inference.py, line 3: not Python 3.6"),
        (b"\x00", r"inference.py.*: not Python 3.6"),
        (b"def model_fn(x):\n    pass\n", r"expected handler\(data, context\).* found neither"),
        (b"def input_handler(a, b):\n    pass\n", r"expected .* found input_handler"),
        (b"def f():\n    def handler(a, b):\n        pass\n", r"expected .* found neither"),
    ],
)
def test_an_inference_py_that_could_not_be_loaded_is_refused(code, text, said):
    (code / "inference.py").write_bytes(text)
    with pytest.raises(UserError, match=said) as caught:
        packed(make_job(paths.JOBS / "own-1"), Asked(code))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", [PAIR, b"from shared import *\n", b"handler = lambda data, context: ('', None)\n"]
)
def test_a_handler_may_come_from_anywhere(code: Path, text: bytes):
    (code / "inference.py").write_bytes(text)
    assert packed(make_job(paths.JOBS / "own-1"), Asked(code))["code/inference.py"] == text


def test_packages_of_own_code_are_vendored_when_asked_for(code, monkeypatch):
    (code / "requirements.txt").write_bytes(b"small==1\n")
    job, asked = make_job(paths.JOBS / "own-1"), []

    def pip(command: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
        if "--target" in command:
            asked.append(command)
            write(Path(command[command.index("--target") + 1]), {"small.py": b"x"})
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", pip)
    assert packed(job, Asked(code))["code/requirements.txt"] == b"small==1\n"
    assert not asked
    found = packed(job, Asked(code, dependencies="lib"))
    assert found["code/lib/small.py"] == b"x" and "code/requirements.txt" not in found
    assert "--require-hashes" not in asked[0] and "--no-deps" not in asked[0]


# --- MODEL -----------------------------------------------------------------------------------


FORMS = {
    "a SavedModel": ("export", {"saved_model.pb": GRAPH, "variables/x": b"v"}, "1/"),
    "a version of one": ("export/00123", {"saved_model.pb": GRAPH, "variables/x": b"v"}, "123/"),
    "a folder of versions": (
        "export",
        {"1/saved_model.pb": GRAPH, "2/saved_model.pb": GRAPH, "code/inference.py": HANDLER},
        "",
    ),
    "several models": ("models", {"a/1/saved_model.pb": GRAPH, "b/c/7/saved_model.pb": GRAPH}, ""),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_model_of_elsewhere_is_packed(project: Path, form: str):
    name, tree, prefix = FORMS[form]
    assert packed(write(project / name, tree)) == {prefix + file: tree[file] for file in tree}
    assert facts()["model"] == name
    assert package.job_of(paths.MODEL_ARCHIVE) is None
    assert staleness.outdated() == ""


def test_what_is_no_version_stays_out(project: Path):
    write(project / "export", {"1/saved_model.pb": GRAPH, "temp-2/saved_model.pb": GRAPH,
                               "checkpoint": b"", "1/assets/a.txt": b"a",
                               "logs/1/events": b""})  # fmt: skip
    assert set(packed(project / "export")) == {"1/saved_model.pb", "1/assets/a.txt"}


def test_links_are_followed_and_never_round_in_a_circle(project: Path):
    write(project / "real", {"saved_model.pb": GRAPH})
    (project / "real" / "again").symlink_to(project / "real")
    (project / "models").mkdir()
    (project / "models" / "1").symlink_to(project / "real")
    assert packed(project / "models") == {"1/saved_model.pb": GRAPH}
    (project / "real" / "gone").symlink_to("nowhere")
    with pytest.raises(UserError, match="gone: a link to nowhere, which is not there"):
        packed(project / "models")


def archive_of(path: Path, tree: dict[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, content in tree.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def test_a_good_archive_keeps_its_bytes(project: Path):
    given = archive_of(project / "theirs.tar.gz", {"./1/saved_model.pb": GRAPH, "./x.txt": b"x"})
    package.package(given, NOTHING_ASKED, paths.MODEL_ARCHIVE)
    assert paths.MODEL_ARCHIVE.read_bytes() == given.read_bytes()
    assert facts()["given_sha256"] == sha256_file(given)


def test_an_archive_gets_the_code_that_is_given(project: Path, code: Path):
    given = archive_of(project / "x.tar.gz", {"a/1/saved_model.pb": GRAPH, "code/old.py": b""})
    assert set(packed(given, Asked(code))) == {
        "a/1/saved_model.pb", "code/inference.py", "code/parts/words.txt"}  # fmt: skip


def test_the_package_itself_may_be_named(project: Path):
    package.package(make_job(paths.JOBS / "own-1", output={}), archive=paths.MODEL_ARCHIVE)
    package.package(paths.MODEL_ARCHIVE, archive=paths.MODEL_ARCHIVE)
    assert facts()["job"] == "own-1"


@pytest.mark.parametrize("named", ["", "model.tar.gz"])
def test_the_folder_of_a_job_stands_for_the_job(project: Path, code: Path, named: str):
    """As SageMaker leaves one in S3: model.tar.gz and output.tar.gz side by side."""
    paths.JOBS.mkdir(parents=True)
    paths.LATEST_JOB.symlink_to(make_job(project / "later", {**MODEL, "1/variables/x": b"x"}))
    job = make_job(project / "downloaded")
    assert "code/labels.json" in packed(job / named, Asked(code, ["labels.json"]))
    assert facts()["job"] == "downloaded"
    assert staleness.outdated() == "", "what is asked for by name is not old"


REFUSED = {
    "nothing": (None, "found nothing"),
    "no model": ({"model.h5": b"", "notes": b""}, "found model.h5, notes. Export a SavedModel"),
    "text": ({"m/saved_model.pbtxt": b""}, "found m. Export a SavedModel"),
    "no version": ({"mine/saved_model.pb": GRAPH}, "found one in mine. Give MODEL=.*/mine$"),
    "empty": ({"saved_model.pb": b""}, r"1/saved_model.pb is not a SavedModel \(0 bytes\)"),
    "a pointer": ({"7/saved_model.pb": b"version https://git-lfs"}, "7/saved_model.pb is not a"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_model_is_refused_in_one_line(project: Path, what: str):
    tree, said = REFUSED[what]
    if tree:
        write(project / "given", tree)
    with pytest.raises(UserError, match=said) as caught:
        packed(project / "given")
    assert str(caught.value).startswith("MODEL=") and "\n" not in str(caught.value)
    assert not paths.MODEL_ARCHIVE.exists()


def test_an_address_in_s3_is_refused_with_the_way(project: Path):
    with pytest.raises(UserError, match=r"^MODEL=s3://bucket/model.tar.gz: .* aws s3 cp"):
        packed(Path("s3://bucket/model.tar.gz"))


def linked(path: Path) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("1/saved_model.pb"))
        link = tarfile.TarInfo("1/x")
        link.type, link.linkname = tarfile.SYMTYPE, "saved_model.pb"
        tar.addfile(link)
    return path


BAD = {
    "outside": ({"../x": b"", "1/saved_model.pb": GRAPH}, "refused, nothing was unpacked"),
    "absolute": ({"/etc/x": b"", "1/saved_model.pb": GRAPH}, "is an absolute path"),
    "at the root": ({"saved_model.pb": GRAPH}, "served only from a folder with a numeric name"),
    "wrapped": ({"m/1/saved_model.pb": GRAPH, "m/code/inference.py": b""}, "lies in a folder 'm'"),
    "no model": ({"code/inference.py": HANDLER}, "no saved_model.pb in it"),
    "no handler": ({"1/saved_model.pb": GRAPH, "code/inference.py": b""}, "expected handler"),
    "empty": ({"1/saved_model.pb": b""}, "is not a SavedModel"),
}


@pytest.mark.parametrize("what", BAD)
def test_an_archive_that_is_unsafe_or_malformed_is_refused_in_one_line(project: Path, what: str):
    tree, said = BAD[what]
    given = archive_of(project / "given.tar.gz", tree)
    with pytest.raises(UserError, match=said) as caught:
        packed(given)
    assert "\n" not in str(caught.value)
    assert not paths.MODEL_ARCHIVE.exists() and not (project / "x").exists()


@pytest.mark.parametrize(
    "make, said",
    [
        (lambda path: archive_of(path, {"1/saved_model.pb": GRAPH}, "w"), "not compressed"),
        (linked, "1/x is a symbolic link"),
        (lambda path: path.write_bytes(b"PK\x03\x04"), "found a zip file"),
        (lambda path: path.write_bytes(b"text"), "expected a tar archive"),
    ],
)
def test_what_sagemaker_would_not_extract_is_refused(project: Path, make, said: str):
    make(project / "given.tar.gz")
    with pytest.raises(UserError, match=said) as caught:
        packed(project / "given.tar.gz")
    assert "\n" not in str(caught.value)


def test_unpacking_leaves_the_given_archive_as_it_was(project: Path, code: Path):
    given = archive_of(project / "x.tar.gz", {"1/saved_model.pb": GRAPH})
    before = given.read_bytes()
    packed(given, Asked(code))
    assert given.read_bytes() == before
    archives.unpack(paths.MODEL_ARCHIVE, project / "seen")
    assert (project / "seen" / "1" / "saved_model.pb").read_bytes() == GRAPH
