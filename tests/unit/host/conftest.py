"""A project of its own for each test, and an HTTP server on the loopback interface."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import generated
import pytest
import servers
from file_server import FileServer

from train2deploy import paths

generated.use_profile()


def relocate(patch: pytest.MonkeyPatch, root: Path) -> Path:
    """Makes everything that the tool writes lie below `root`; sources stay where they are."""
    real_root, made = paths.ROOT, (paths.BUILD, paths.RAW)
    for name, value in list(vars(paths).items()):
        if isinstance(value, Path) and any(value.is_relative_to(folder) for folder in made):
            patch.setattr(paths, name, root / value.relative_to(real_root))
    patch.setattr(paths, "ROOT", root)
    assert paths.CODE_LIB.is_relative_to(root), "the real build/ would be written"
    return root


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project directory: build/ and data/raw/ are below it."""
    root = tmp_path / "project"
    root.mkdir()
    return relocate(monkeypatch, root)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on the KNB corpus: matrix, findings, today's stack. To be read, not changed."""
    from report_runs import write_corpus, write_todays

    from train2deploy.report import pages

    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder / "runs")
    for seed in (1, 2):
        write_todays(folder / "runs", "v1", seed, 0.74)
        write_todays(folder / "runs", "v2", seed, 0.6, epochs=2)  # with no runs to stand beside
    pages.write(pages.make("knbc", folder / "runs", folder, folder / "knbc"), folder / "knbc")
    return folder / "knbc"


@pytest.fixture
def file_server() -> Iterator[FileServer]:
    """A web server that can resume, refuse, lie and hang up."""
    with servers.running(FileServer()) as server:
        yield server


@pytest.fixture
def like_a_supervisor() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that looks like an endpoint's supervisor."""
    code = "import sys, time; print(flush=True); time.sleep(60)"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "hosting"], start_new_session=True, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    yield process
    process.kill()
    process.wait(60)
