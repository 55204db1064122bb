"""The fixture of pytest, as docs/emulated-account.md has its reader use it."""

import os
import re
import subprocess

from conftest import PYTHON
from project import REPOSITORY, TIMEOUT_SECONDS

PAGE = (REPOSITORY / "docs" / "emulated-account.md").read_text(encoding="utf-8")
AGAIN = """

def test_the_next_test_finds_nothing(sagemaker_account):
    assert sagemaker_account.client("s3").list_buckets()["Buckets"] == []
    assert boto3.client("sagemaker").list_models()["Models"] == []


def test_without_the_fixture_nothing_points_there():
    import os

    assert "AWS_ENDPOINT_URL" not in os.environ
"""


def test_the_pages_example_runs_as_it_stands(tmp_path):
    section = PAGE.split("\n## In pytest")[1].split("\n## ")[0]
    for name, code in re.findall(r"```python\n# (\w+\.py)\n(.*?)```", section, re.S):
        (tmp_path / name).write_text(code + AGAIN * name.startswith("test"), encoding="utf-8")
    done = subprocess.run(
        [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src")},
        capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_the_command_tells_what_it_takes():
    done = subprocess.run(
        [PYTHON, "-m", "emulator", "--help"], env={"PYTHONPATH": str(REPOSITORY / "src")},
        capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    assert done.stdout.startswith("usage: python -m emulator")
    for option in ("port", "directory", "fresh", "detach", "stop", "faults", "limits", "runtime"):
        assert f"--{option}" in done.stdout
