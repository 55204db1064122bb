"""What is given on make's command line is checked before anything runs, in one line."""

import re
import socket
import subprocess

import pytest
from project import REPOSITORY, Project

OURS = ", ".join(sorted(path.stem.removeprefix("train_")
                        for path in (REPOSITORY / "src" / "train").glob("train_*.py")))
SCRIPT = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument('--filters', type=int, choices=range(1, 1025), default=32)
"""
WRONG = [
    ("tune SEEED=3", "SEEED=3: not a variable of tune or a hyperparameter of v1. The nearest is"
     " SEED"),
    ("local-train FILTERS=128", "FILTERS=128: not a variable of local-train or a hyperparameter of"
     " v1, but of VERSION=cnn"),
    ("tune JOBS=2", "JOBS=2: not a variable of tune or a hyperparameter of v1, but of reproduce"),
    ("local-train EPOCHS=0", "EPOCHS=0: expected a whole number, 1 or more"),
    ("cloud-train DROPOUT=1.5 CLOUD=aws", "DROPOUT=1.5: expected a number, 0 to less than 1"),
    ("reproduce EPOCHS=abc", "EPOCHS=abc: expected a whole number, 1 or more"),
    ("local-train SEED=-1", "SEED=-1: expected a whole number, 0 to 4294967295"),
    ("cloud-plan SEED=99999999999", "SEED=99999999999: expected a whole number, 0 to 4294967295"),
    ("local-serve PORT=80000", "PORT=80000: expected a whole number, 0 to 65535"),
    ("invoke PORT=abc", "PORT=abc: expected a whole number, 0 to 65535"),
    ("invoke EPOCHS=3", "EPOCHS=3: not a variable of invoke"),
    ("evaluate REPRO=yes", "REPRO=yes: expected 1, or nothing"),
    ("data SPLIT=radnom", "SPLIT=radnom: expected random, article, published or fold"),
    ("dry-run DATASET=/nowhere", "DATASET=/nowhere: expected sample, knbc or a directory, found"
     " none"),
    ("cloud-batch INPUT=lines.jsonl", "INPUT=lines.jsonl: expected a file or folder that is there"),
    ("cloud-deploy MAX_BATCH_SIZE=0", "MAX_BATCH_SIZE: expected 1 or more, found 0"),
    ("cloud-train TRAIN_INSTANCE_COUNT=x", "TRAIN_INSTANCE_COUNT=x: expected a whole number"),
    ("cloud-deploy MAX_USD=-1", "MAX_USD=-1: expected a number, 0 or more"),
    ("cloud-scale MIN=0", "MIN=0: expected a whole number, 1 or more"),
    ("local-train VERSION=cnm", f"VERSION=cnm: expected one of {OURS}, asking, broken, cnn"),
    ("local-train SCRIPT=cnn.py", "SCRIPT=cnn.py: expected a Python file, found none"),
    ("local-train VERSION=cnn SCRIPT=models/cnn/train.py", "expected one of them"),
    ("tune VERSION=cnn FILTERS=2000", "FILTERS=2000: expected a whole number, 1 to 1024"),
    ("local-train VERSION=cnn HP=filter=8", "HP: filter=8: not a hyperparameter of cnn. The nearest"
     " is filters"),
    ("local-train VERSION=plain EPOCHS=3", "EPOCHS=3: not a variable of local-train or a"
     " hyperparameter of plain. plain declares none: HP='epochs=…' passes any on"),
    ("local-train VERSION=broken", "models/broken/train.py:1: invalid syntax"),
    ("local-train VERSION=asking", "models/asking/requirements.txt: the TensorFlow 1.12 container"
     " does not install it for a plain script"),
    ("package VERSION=bilstm", "VERSION=bilstm: published models are trained and scored, not"),
    ("data VERSION=v1 TOKENS=janome", "TOKENS=janome: v1 cuts sentences by itself"),
    ("help COLOUR=1", "COLOUR=1: not a variable of help"),
    ("reproduce-check JOBS=2", "JOBS=2: not a variable of reproduce-check, but of reproduce"),
]  # fmt: skip


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A project with three models, an account that nobody may call, and what is in it."""
    project = Project(tmp_path_factory.mktemp("own"))
    for name, text in (("cnn", SCRIPT), ("broken", "def f(:\n"), ("plain", ""), ("asking", "")):
        folder = project.root / "models" / name
        folder.mkdir(parents=True)
        (folder / "train.py").write_text(text)
    (folder / "requirements.txt").write_text("janome\n")
    return project


@pytest.fixture(scope="module")
def account():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def tree(project):
    return sorted((str(path), path.lstat().st_mtime_ns) for path in project.root.rglob("*"))


@pytest.mark.parametrize("command, message", WRONG)
def test_a_wrong_command_line_is_one_line_and_changes_nothing(own, account, command, message):
    before = tree(own)
    url = f"http://127.0.0.1:{account.getsockname()[1]}"
    environment = {**own.environment(), "AWS_ENDPOINT_URL": url}
    done = subprocess.run(
        ["make", *command.split()], cwd=own.root, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert re.match(r"Makefile:\d+: \*\*\* ", line) and line.endswith(".  Stop.")
    assert message in line
    assert tree(own) == before
    with pytest.raises(BlockingIOError):
        account.accept()


@pytest.mark.parametrize("command, expected", [
    ("local-train SEED= EPOCHS= VERSION= DATASET=", "--variables '' --defaults sample --seed 1"),
    ("local-train EPOCHS=3 SEED=2", '--variables EPOCHS --defaults sample --seed 2'),
    ("tune VERSION=cnn FILTERS=8", 'search --model-version cnn --variables FILTERS'),
    ("cloud-train SCRIPT=models/cnn/train.py HP=filters=8",
     '--model-version models/cnn/train.py --variables HP'),
    ("local-serve SAGEMAKER_TFS_NGINX_LOGLEVEL=info MERGE=0 BATCHING=1 MAX_BATCH_SIZE=8", "serve "),
    ("invoke PORT=8090 TYPE=text/plain Q=1", "invoke --port 8090 --type"),
    ("verify STALE=ok", '--stale ok verify'),
    ("data VERSION=comp-vectorizer-words", '--model-version comp-vectorizer-words'),
    ("test-contract BASE_URL=http://127.0.0.1:1", "tests/contract"),
    ("data RUNTIME=host PYTHON36= VERBOSE=1", "--verbose"),
])
def test_what_is_right_reaches_the_tool_and_an_empty_variable_is_one_not_given(
    own, command, expected
):
    plan = own.make("--dry-run", *command.split()).stdout
    assert expected in re.sub(r" +", " ", plan)


def test_words_are_installed_for_the_models_that_read_them(own):
    named = "setup: words"
    assert named not in own.make("--dry-run", "data").stdout
    if not (REPOSITORY / ".stamps" / "words").exists():
        assert named in own.make("--dry-run", "data", "VERSION=comp-vectorizer-words").stdout
