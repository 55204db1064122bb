"""package: build/model.tar.gz from a finished job, without TensorFlow."""

import hashlib
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from conftest import relocate

from train2deploy import archives, manifest, package, package_code, paths
from train2deploy.disk import DiskFull
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_file
from train2deploy.package_code import Asked

MODEL = {
    "1/saved_model.pb": b"\x08\x01graph",
    "1/variables/variables.index": b"index",
    "1/variables/variables.data-00000-of-00001": b"weights",
}
OUTPUT = {
    "labels.json": b'["\xe4\xba\xac\xe9\x83\xbd"]\n',
    "vocabulary.json": b'["<pad>"]\n',
    "tokenizer.model": b"pieces",
    "history.csv": b"epoch\n",
    "metrics.json": b"{}\n",
}
HANDLER = ["code/encoding.py", "code/inference.py", "code/model_client.py"]


def make_job(directory: Path, model: dict[str, bytes] = MODEL, output: dict = OUTPUT) -> Path:
    for name, tree in (("model", model), ("output", output)):
        for file, content in tree.items():
            path = directory / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        entries = [(file, directory / name / file) for file in tree]
        archives.pack(entries, directory / f"{name}.tar.gz")
    return directory


@pytest.fixture
def job(project: Path) -> Path:
    return make_job(paths.JOBS / "v1-1")


@pytest.fixture
def lib(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for the vendored packages."""
    for name in ("sentencepiece.py", "sentencepiece.dist-info/METADATA", "__pycache__/x.pyc"):
        path = paths.CODE_LIB / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    monkeypatch.setattr(package_code, "vendored", lambda: paths.CODE_LIB)
    return paths.CODE_LIB


def files(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {
            member.name: tar.extractfile(member).read()  # type: ignore[union-attr]
            for member in tar.getmembers()
            if member.isfile()
        }


def test_with_lib_the_archive_holds_the_model_the_code_and_its_packages(job: Path, lib: Path):
    archive = paths.BUILD / "model.tar.gz"
    digest = package.package(job, Asked(dependencies="lib"), archive)
    assert digest == hashlib.sha256(archive.read_bytes()).hexdigest()
    packed = files(archive)
    assert sorted(packed) == sorted(
        [
            *MODEL,
            *HANDLER,
            "code/labels.json",
            "code/tokenizer.model",
            "code/vocabulary.json",
            "code/lib/sentencepiece.py",
            "code/lib/sentencepiece.dist-info/METADATA",
        ]
    )
    assert packed["1/saved_model.pb"] == MODEL["1/saved_model.pb"]
    assert packed["code/labels.json"] == OUTPUT["labels.json"]
    assert packed["code/encoding.py"] == paths.ENCODING.read_bytes()
    assert packed["code/inference.py"] == (paths.PREDICT_CODE / "inference.py").read_bytes()


def test_with_requirements_the_archive_names_the_packages(job: Path):
    archive = paths.BUILD / "model.tar.gz"
    package.package(job, Asked(dependencies="requirements"), archive)
    packed = files(archive)
    assert not [name for name in packed if name.startswith("code/lib")]
    expected = (paths.PREDICT_CODE / "requirements.txt").read_bytes()
    assert packed["code/requirements.txt"] == expected


@pytest.mark.parametrize("dependencies", ["lib", "requirements"])
def test_the_same_job_gives_the_same_bytes(job: Path, lib: Path, dependencies: str):
    first, second = paths.BUILD / "first.tar.gz", paths.BUILD / "second.tar.gz"
    package.package(job, Asked(dependencies=dependencies), first)
    other = make_job(paths.JOBS / "v1-2")
    os.utime(lib / "sentencepiece.py", (1e9, 1e9))
    package.package(other, Asked(dependencies=dependencies), second)
    assert first.read_bytes() == second.read_bytes()


def test_the_manifest_names_what_was_packed(job: Path, lib: Path):
    archive = paths.BUILD / "model.tar.gz"
    digest = package.package(job, Asked(dependencies="lib"), archive)
    record = manifest.read(paths.BUILD / "model.tar.gz.manifest.json")
    assert record is not None
    assert record["outputs"] == {"model.tar.gz": digest}
    assert record["size"] == archive.stat().st_size
    assert record["inputs"] == {
        "job": "v1-1",
        "model_sha256": sha256_file(job / "model.tar.gz"),
        "output_sha256": sha256_file(job / "output.tar.gz"),
        "our_code_sha256": package_code.ours_sha256(),
        "dependencies": "lib",
    }


def test_an_archive_that_is_not_the_one_that_was_packed_is_of_no_known_job(job: Path, lib: Path):
    archive = paths.BUILD / "model.tar.gz"
    package.package(job, Asked(dependencies="lib"), archive)
    assert package.job_of(archive) == "v1-1"
    archive.write_bytes(b"another one")
    assert package.job_of(archive) is None
    assert package.job_of(paths.BUILD / "other.tar.gz") is None


def test_a_published_model_is_not_packed(job: Path):
    manifest.write(job / "manifest.json", {"version": "bilstm"}, {})
    with pytest.raises(UserError, match=r"VERSION=bilstm: .* trained and scored, not packed"):
        package.package(job)
    assert not paths.MODEL_ARCHIVE.exists()


@pytest.mark.parametrize("name", ["model.tar.gz", "output.tar.gz"])
def test_an_unfinished_job_is_refused(job: Path, name: str):
    (job / name).unlink()
    with pytest.raises(UserError, match=f"v1-1/{name}: expected a finished job, found none"):
        package.package(job)


def test_a_model_that_could_not_be_served_is_refused_and_the_earlier_archive_stays(project):
    archive = paths.BUILD / "model.tar.gz"
    package.package(make_job(paths.JOBS / "good"), Asked(dependencies="requirements"), archive)
    before = archive.read_bytes()
    bad = make_job(paths.JOBS / "bad", model={"export/saved_model.pb": b"\x08\x01graph"})
    with pytest.raises(UserError, match=r"bad/model.tar.gz: export/saved_model.pb: a SavedModel"):
        package.package(bad, Asked(dependencies="requirements"), archive)
    assert archive.read_bytes() == before
    assert sorted(path.name for path in paths.BUILD.iterdir() if path.is_file()) == [
        "model.tar.gz",
        "model.tar.gz.manifest.json",
    ]


class Pip:
    """Stands for `pip install --target`: lays some files, then does what it is told."""

    def __init__(
        self, status: int = 0, interrupted: bool = False, said: str = "no network"
    ) -> None:
        self.status, self.interrupted, self.said, self.commands = status, interrupted, said, []

    def __call__(self, command: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
        if "pip" not in command:  # git
            return subprocess.CompletedProcess(command, 1, "", "")
        self.commands.append(command)
        target = Path(command[command.index("--target") + 1])
        for name in ("a.py", "a.dist-info/RECORD", "a.dist-info/INSTALLER", "a.dist-info/METADATA"):
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(" ".join(command))
        if self.interrupted:
            raise KeyboardInterrupt
        return subprocess.CompletedProcess(command, self.status, "", self.said)


def lib_files() -> list[str]:
    root = paths.CODE_LIB
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())


def test_packages_are_vendored_for_the_container_and_not_for_this_machine(project, monkeypatch):
    pip = Pip()
    monkeypatch.setattr(subprocess, "run", pip)
    package_code.vendored()
    command = " ".join(pip.commands[0])
    assert "--require-hashes" in command
    assert "--only-binary :all:" in command
    assert "--python-version 36" in command
    assert "--abi cp36m" in command
    assert lib_files() == ["a.dist-info/METADATA", "a.py"]


def test_packages_are_vendored_once(project: Path, monkeypatch: pytest.MonkeyPatch):
    pip = Pip()
    monkeypatch.setattr(subprocess, "run", pip)
    assert package_code.vendored() == package_code.vendored()
    assert len(pip.commands) == 1


def test_changed_requirements_are_vendored_again(project, tmp_path, monkeypatch):
    pip = Pip()
    monkeypatch.setattr(subprocess, "run", pip)
    monkeypatch.setattr(paths, "PREDICT_CODE", tmp_path)
    for text in ("a==1\n", "a==2\n"):
        (tmp_path / "requirements.txt").write_text(text)
        package_code.vendored()
    assert len(pip.commands) == 2


def test_packages_that_cannot_be_fetched_leave_nothing_and_say_what_to_do(project, monkeypatch):
    monkeypatch.setattr(subprocess, "run", Pip(status=1))
    with pytest.raises(UserError, match="no network\nCheck the network, or use DEPS=requirements"):
        package_code.vendored()
    assert not paths.CODE_LIB.exists()


def test_packages_that_find_no_room_are_told_as_a_full_disk(project, monkeypatch):
    pip = Pip(status=1, said="ERROR: [Errno 28] No space left on device")
    monkeypatch.setattr(subprocess, "run", pip)
    with pytest.raises(DiskFull, match=r"build/code-lib.part-\w+ could not be written: No space"):
        package_code.vendored()


def test_vendoring_that_was_interrupted_is_not_taken_for_whole(project, monkeypatch):
    monkeypatch.setattr(subprocess, "run", Pip())
    package_code.vendored()
    whole = lib_files()
    for path in paths.CODE_LIB.rglob("*"):
        if path.is_file():
            path.unlink()
    paths.CODE_LIB.joinpath("a.dist-info").rmdir()
    paths.CODE_LIB.rmdir()
    monkeypatch.setattr(subprocess, "run", Pip(interrupted=True))
    with pytest.raises(KeyboardInterrupt):
        package_code.vendored()
    monkeypatch.setattr(subprocess, "run", Pip())
    package_code.vendored()
    assert lib_files() == whole


@pytest.fixture(scope="module")
def real_lib(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real packages: those of build/code-lib where they are current, else from the registry."""
    with pytest.MonkeyPatch.context() as patch:
        inputs = {"requirements_sha256": sha256_file(paths.PREDICT_CODE / "requirements.txt")}
        if manifest.is_current(paths.BUILD / "code-lib.manifest.json", inputs):
            return paths.CODE_LIB
        relocate(patch, tmp_path_factory.mktemp("project"))
        return package_code.vendored()


def test_the_real_packages_are_for_python_36_and_name_no_machine(real_lib: Path):
    names = {path.name for path in real_lib.rglob("*") if path.is_file()}
    assert "_sentencepiece.cpython-36m-x86_64-linux-gnu.so" in names
    assert "sentencepiece.py" in names
    assert names.isdisjoint({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})


def test_what_is_packed_is_what_is_required(real_lib: Path):
    required = [
        line.split("==")[0]
        for line in (paths.PREDICT_CODE / "requirements.txt").read_text().splitlines()
        if "==" in line
    ]
    packed = {path.name.split("-")[0] for path in real_lib.glob("*.dist-info")}
    assert packed == set(required)


def test_labels_are_readable_json_in_the_archive(job: Path):
    package.package(job, Asked(dependencies="requirements"), paths.BUILD / "model.tar.gz")
    assert json.loads(files(paths.BUILD / "model.tar.gz")["code/labels.json"]) == ["京都"]


def test_the_interpreter_that_vendors_is_the_host_tools(project, monkeypatch):
    pip = Pip()
    monkeypatch.setattr(subprocess, "run", pip)
    package_code.vendored()
    assert pip.commands[0][0] == sys.executable
