"""What the containers' side can read and may hold, and how long a file may be.

What may import what: test_architecture_layers.py.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from train2deploy import paths

LONGEST_FILE = 400

OTHER_SIDE = sorted(
    path
    for folder in (paths.TRAIN_SOURCE, *map(paths.SRC.joinpath, ("predict", "hosting", "bench")))
    for path in folder.rglob("*.py")
) + [paths.ENCODING]
HOST_TOOL = sorted((paths.SRC / "train2deploy").rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Top-level names that a module imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


def offenders(files: list[Path], forbidden: set[str]) -> dict[str, set[str]]:
    found = {paths.relative(path): imported(path) & forbidden for path in files}
    return {name: names for name, names in found.items() if names}


def below(*folders: Path) -> list[Path]:
    return [path for path in OTHER_SIDE if any(path.is_relative_to(folder) for folder in folders)]


def test_there_is_something_to_look_at():
    assert len(OTHER_SIDE) > 30
    assert len(HOST_TOOL) > 25


def test_the_host_tool_imports_nothing_that_runs_in_the_containers():
    theirs = {"tensorflow", "keras", "gensim", "sentencepiece", "text_vectorian", "hosting"}
    theirs |= {"encoding", "inference", "model_client", "train_v1", "build_vectors", "falcon"}
    theirs |= {"bench"}
    assert offenders(HOST_TOOL, theirs) == {}


def test_the_endpoints_process_holds_no_tensorflow_keras_or_gensim():
    """The article's handler imports all three, and needs 268 MB for it."""
    heavy = {"tensorflow", "keras", "gensim", "text_vectorian", "numpy", "pandas", "requests"}
    assert offenders([*below(paths.PREDICT_CODE), paths.ENCODING], heavy) == {}


READ_ALL = """
import sys
for path in sys.argv[1:]:
    with open(path, encoding='utf-8') as source:
        compile(source.read(), path, 'exec')
print(sys.version_info[:2])
"""


@pytest.mark.parametrize("python", [paths.TRAIN_PYTHON, paths.SERVE_PYTHON], ids=["train", "serve"])
def test_python_36_can_read_what_runs_in_the_containers(python: Path):
    done = subprocess.run(
        [str(python), "-W", "error", "-c", READ_ALL, *map(str, OTHER_SIDE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "(3, 6)\n")


def test_no_file_is_longer_than_a_reader_can_hold():
    lengths = {
        paths.relative(path): len(path.read_text(encoding="utf-8").splitlines())
        for folder in (paths.SRC, paths.ROOT / "tests")
        for path in folder.rglob("*.py")
    }
    assert {name: count for name, count in lengths.items() if count > LONGEST_FILE} == {}


def test_every_module_says_what_it_is_for():
    without = [
        paths.relative(path)
        for path in [*OTHER_SIDE, *HOST_TOOL]
        if path.read_text(encoding="utf-8").strip()
        and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert without == []


def test_paths_are_joined_onto_the_root_in_one_module():
    """A module may name a file beside itself; it may not climb to a second root."""
    climbs = re.compile(r"__file__\)?(\.resolve\(\)|\.absolute\(\))?\.parent|TRAIN2DEPLOY_ROOT")
    others = [
        paths.relative(path)
        for path in HOST_TOOL
        if path.name != "paths.py" and climbs.search(path.read_text(encoding="utf-8"))
    ]
    assert others == []


def test_the_root_can_be_moved_by_a_variable(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", "from train2deploy import paths; print(paths.MODEL_ARCHIVE)"],
        env={"PYTHONPATH": str(paths.SRC), "TRAIN2DEPLOY_ROOT": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(tmp_path / "build" / "model.tar.gz")


def test_a_path_is_shown_as_a_user_of_the_repository_would_write_it(tmp_path: Path):
    assert paths.relative(paths.MODEL_ARCHIVE) == "build/model.tar.gz"
    assert paths.relative(tmp_path) == str(tmp_path)
