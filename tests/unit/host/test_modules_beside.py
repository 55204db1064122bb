"""What lies beside the script for a container that installs nothing."""

import re

import pytest

from train2deploy import archives, job_source, modules_beside, paths

IN_THE_CONTAINER = [
    "boto3", "h5py", "keras-applications", "keras-preprocessing", "numpy", "requests", "scipy",
    "six", "tensorflow"]
"""What these need and AWS's image for TensorFlow 1.12 holds."""

pytestmark = pytest.mark.skipif(
    not paths.TRAIN_PYTHON.exists(), reason="needs the training environment")


def requirements(name):
    """The distributions that a distribution in .venvs/train needs."""
    packages = modules_beside._site_packages()
    for metadata in packages.glob("*-info"):
        if modules_beside.normalised(metadata.name.split("-")[0]) == name:
            file = metadata / "METADATA"
            if file.exists():
                found = re.findall(r"^Requires-Dist: ([\w.-]+)(.*)$", file.read_text(), re.M)
                return [each for each, rest in found if "extra" not in rest]
            text = (metadata / "requires.txt").read_text().split("\n[")[0] if (
                metadata / "requires.txt").exists() else ""
            return re.findall(r"^([\w.-]+)", text, re.M)
    raise AssertionError(name)


def test_what_it_needs_lies_beside_it_or_is_in_the_container():
    known = set(modules_beside.BESIDE) | set(IN_THE_CONTAINER)
    for name in modules_beside.BESIDE:
        assert {modules_beside.normalised(each) for each in requirements(name)} <= known, name


def test_the_script_the_encoder_and_the_packages_are_in_the_archive(tmp_path):
    archive = tmp_path / "sourcedir.tar.gz"
    digest = job_source.pack("v1", archive)
    names = archives.unpack(archive, tmp_path / "source")
    for name in ("train_v1.py", "encoding.py", "text_vectorian/__init__.py", "yaml/__init__.py",
                 "keras_self_attention/__init__.py", "sentencepiece.py"):
        assert name in names
    assert not [name for name in names if "/tests/" in name or name.startswith("_yaml")]
    assert archive.stat().st_size < 20e6
    assert job_source.pack("v1", tmp_path / "again.tar.gz") == digest
