"""What pages and code refer to exists: pages, anchors, files."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([
    *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md"),
    *(ROOT / folder / "README.md" for folder in ("data", "docker")),
])  # fmt: skip
CODE = sorted(
    path
    for folder in ("src", "tests", "docker", "examples")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".j2", ".toml", ".mk", ".sh"} or path.name == "Dockerfile"
) + [ROOT / name for name in ("Makefile", "pyproject.toml", "tune.toml", "cloud.example.toml")]

BLOCK = re.compile(r"^```.*?^```", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)")
ANCHOR = re.compile(r'<a id="([^"]+)"></a>')
HEADING = re.compile(r"^#+ (.*)", re.M)
CITED = re.compile(r"\bdocs/([\w/-]+\.md)(?:#([\w-]+))?")
BARE = re.compile(
    r'[Cc]ontract(?:\.md)?,? ([AB]\d+)\b|"""([AB]\d+)[:,]|\(([AB]\d+)(?:, [AB]\d+)*\)'
)
HASHED = ("src/train/", "src/predict/")
"""Runs are named after these bytes, and packages hold them: they cite by the section's name."""
FILE = re.compile(r"`((?:src|tests|docs|docker|requirements|results|data|examples)/[\w./-]+)`")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """What a link may point to: explicit anchors, and headings as GitHub names them."""
    text = BLOCK.sub("", text_of(page))
    slugs = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
             for title in HEADING.findall(text)}  # fmt: skip
    return slugs | set(ANCHOR.findall(text))


def unresolved(page: Path, anchor: str | None) -> bool:
    return not page.exists() or bool(anchor) and anchor not in anchors(page)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_on_a_page_leads_somewhere(page: Path):
    broken = []
    for link in LINK.findall(BLOCK.sub("", text_of(page))):
        if re.match(r"[a-z]+:", link):
            continue  # elsewhere
        path, _, anchor = link.partition("#")
        if unresolved(page.parent / path if path else page, anchor):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_that_a_page_names_exists(page: Path):
    named = FILE.findall(BLOCK.sub("", text_of(page)))
    missing = [one for one in named if not (ROOT / one).exists()]
    assert [one for one in missing if not one.startswith("data/raw")] == []


def test_every_citation_in_code_leads_somewhere():
    broken = [
        f"{name(path)}: docs/{page}" + (f"#{anchor}" if anchor else "")
        for path in CODE
        for page, anchor in CITED.findall(text_of(path))
        if unresolved(ROOT / "docs" / page, anchor)
    ]
    assert broken == []


def test_the_contract_is_cited_by_links():
    found = [
        (name(path), section.lower())
        for path in CODE
        for groups in BARE.findall(text_of(path))
        for section in filter(None, groups)
    ]
    assert [one for one in found if not one[0].startswith(HASHED)] == []
    known = anchors(ROOT / "docs" / "contract.md")
    assert [one for one in found if one[1] not in known] == []


def test_the_contract_has_one_anchor_for_each_section():
    found = ANCHOR.findall(text_of(ROOT / "docs" / "contract.md"))
    assert len(found) == len(set(found))
    sections = [*(f"a{n}" for n in range(1, 13)), *(f"b{n}" for n in range(1, 7))]
    assert [one for one in found if "-" not in one] == sections


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_shows_what_its_source_says(page: Path):
    """A word in angle brackets outside code is a tag, and not shown; a table has even rows."""
    text = BLOCK.sub("", text_of(page))
    shown = r"<(?!a id=|/a>|/?details>|/?summary>|!--|https?:)[A-Za-z/][^>]*>"
    tags = re.findall(shown, re.sub(r"`[^`]*`", "", text))
    assert tags == []
    for table in re.findall(r"(?:^ *\|.*\n)+", text, re.M):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1, table
