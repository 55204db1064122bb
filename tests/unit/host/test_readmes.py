"""Pages in two languages have the same structure: neither says less than the other."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted(
    str(path.relative_to(ROOT)).replace(".ja.", ".")
    for path in (*ROOT.glob("*.ja.md"), *ROOT.glob("docs/**/*.ja.md"))
)
USAGE = "docs/usage.md"
LONGEST_README = 150
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
JAPANESE_TEXT = re.compile(r"[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]")
VARIABLE = re.compile(r"\b[A-Z][A-Z_0-9]+=(?!<)[\w:./|…-]*")


def read(page: str, language: str = "") -> str:
    return (ROOT / page.replace(".md", f"{language}.md")).read_text(encoding="utf-8")


def prose(text: str) -> str:
    return BLOCK.sub("", text)


def headings(text: str) -> list[str]:
    """The level of each heading, with what is code in it."""
    found = re.findall(r"^(#+) (.*)", prose(text), re.M)
    return [f"{level} {' '.join(re.findall(r'`[^`]+`', words))}" for level, words in found]


def commands(text: str) -> list[str]:
    """The lines of all console blocks, without comments."""
    lines = [line for kind, block in BLOCK.findall(text) if kind == "console"
             for line in block.splitlines()]  # fmt: skip
    return [re.sub(r"\s+#.*", "", line) for line in lines]


def targets(text: str) -> dict[str, list[str]]:
    """Each target in the list of targets, in order, with the variables that it takes."""
    block = next(block for kind, block in BLOCK.findall(text) if "local-train " in block and kind)
    rows = re.findall(r"^  ([a-z0-9-]+) +(.*)", block, re.M)
    return {
        name: [found.rstrip(":") for found in VARIABLE.findall(words)] for name, words in rows
    }


def code(text: str) -> set[str]:
    """What stands in backticks, but for placeholders, which each language words itself."""
    found = set(re.findall(r"`([^`\n]+)`", prose(text)))
    return {one for one in found if not ("<" in one or JAPANESE_TEXT.search(one))}


def links(text: str) -> list[str]:
    """The targets of links and images; a page of the other language counts as the same."""
    found = re.findall(r"\]\(([^)]+)\)", text)
    return sorted(one.replace(".ja.", ".") for one in found)


def tables(text: str) -> list[tuple[int, int]]:
    """Rows and columns of each table."""
    found = re.findall(r"(?:^\|.*\n)+", text, re.M)
    return [(table.count("\n"), table.splitlines()[0].count("|") - 1) for table in found]


def points(text: str) -> int:
    """The items of lists."""
    return len(re.findall(r"^- ", prose(text), re.M))


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("part", [headings, commands, code, links, tables, points])
def test_both_languages_have_the_same(page, part):
    assert part(read(page, ".ja")) == part(read(page))


@pytest.mark.parametrize("page", PAGES)
def test_each_block_of_code_has_its_counterpart(page):
    ours, theirs = BLOCK.findall(read(page)), BLOCK.findall(read(page, ".ja"))
    assert [kind for kind, _ in ours] == [kind for kind, _ in theirs]
    for (_, english), (_, japanese) in zip(ours, theirs, strict=True):
        assert len(english.splitlines()) == len(japanese.splitlines())
        if not JAPANESE_TEXT.search(japanese):
            assert english == japanese


def test_the_targets_are_those_of_the_makefile():
    rules = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert list(targets(read(USAGE))) == re.findall(r"^([a-z0-9-]+):.*## ", rules, re.M)
    assert targets(read(USAGE, ".ja")) == targets(read(USAGE))


@pytest.mark.parametrize("page", PAGES)
def test_the_japanese_uses_one_word_for_each_thing(page):
    assert not re.findall("契約|順位表|二度組み立て|殺し|物差し|報告書", read(page, ".ja"))


@pytest.mark.parametrize("language", ["", ".ja"])
def test_the_readme_is_read_in_one_go(language):
    assert len(read("README.md", language).splitlines()) <= LONGEST_README


def test_the_interface_is_read_in_one_go():
    assert len((ROOT / "Makefile").read_text(encoding="utf-8").splitlines()) <= 260
