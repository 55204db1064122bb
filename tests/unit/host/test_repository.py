"""What a reader of the repository relies on: everything pinned, licensed, described and citable."""

import csv
import re

import pytest

from train2deploy import paths
from train2deploy.datasets import sample

LOCKS = sorted(paths.REQUIREMENTS.rglob("*.lock"))
SOURCES = sorted(paths.REQUIREMENTS.rglob("*.in"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_package_of_a_lock_has_a_version_and_a_sha256(lock):
    blocks = re.split(r"\n(?=[A-Za-z0-9])", "\n" + lock.read_text(encoding="utf-8"))
    packages = [block.strip() for block in blocks if block.strip() and block.strip()[0] != "#"]
    assert packages
    loose = [one.split()[0] for one in packages if "==" not in one or "--hash=sha256:" not in one]
    assert loose == []


def test_every_list_of_requirements_has_a_lock():
    assert [one.name for one in SOURCES if not one.with_suffix(".lock").is_file()] == []


def test_every_base_image_is_named_by_digest():
    files = sorted((paths.ROOT / "docker").rglob("*ockerfile"))
    named = [image for path in files for image in
             re.findall(r"^ARG \w+=(\S+:\S+)", path.read_text(encoding="utf-8"), re.M)]  # fmt: skip
    assert named
    assert [image for image in named if not re.search(r"@sha256:[0-9a-f]{64}$", image)] == []


def test_code_and_data_have_a_licence():
    """What has none is fetched on request only."""
    assert "MIT License" in (paths.ROOT / "LICENSE").read_text(encoding="utf-8")
    table = (paths.DATA / "README.md").read_text(encoding="utf-8").partition("\n\n##")[0]
    lines = [line for line in table.splitlines() if line.startswith("|")][2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert len(rows) > 3
    unknown = [row for row in rows if not row[2] or "unknown" in row[2]]
    assert [row[0] for row in unknown if "on request" not in row[3]] == []


def test_the_citation_names_all_that_a_citation_needs_and_the_article():
    text = "\n" + (paths.ROOT / "CITATION.cff").read_text(encoding="utf-8")
    keys = ("cff-version", "title", "authors", "version", "date-released", "license", "references")
    assert [key for key in keys if f"\n{key}:" not in text] == []


def test_the_description_of_the_data_has_its_number_of_sentences():
    with sample.SENTENCES.open(encoding="utf-8", newline="") as source:
        count = sum(1 for _ in csv.DictReader(source))
    assert f"{count:,} sentences" in (paths.DATA / "README.md").read_text(encoding="utf-8")
