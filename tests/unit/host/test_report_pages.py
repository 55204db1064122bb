"""The pages: same bytes, links that lead somewhere, both languages whole, nothing from outside."""

import contextlib
import html.parser
import io
import json
import os
import re
import shutil
import string
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from conftest import relocate
from report_runs import LABELS, write_both, write_cloud_parity, write_measurements, write_run

from train2deploy import cli, paths, texts
from train2deploy.bench.names import SUBJECTS
from train2deploy.report import pages
from train2deploy.texts import LANGUAGES

FOUR_PAGES = ["report.html", "report.md", "report.ja.html", "report.ja.md"]
VOID = {"meta", "link", "br", "img", "input", "hr", "rect", "line", "circle", "path"}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of `folder`, and what was printed."""
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as out:
        relocate(patch, tmp_path_factory.mktemp("written"))
        write_both(paths.RUNS, seeds=2)
        write_measurements(paths.BUILD)
        return pages.report("sample", "en").parent, out.getvalue()


@pytest.fixture(scope="module")
def folder(written: tuple[Path, str]) -> Path:
    """A whole report of the sample: two versions, and everything measured. To be read."""
    return written[0]


@pytest.fixture(scope="module")
def again(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The same report of another process, over one with a plot too many, and what it printed."""
    root = tmp_path_factory.mktemp("again") / "project"
    shutil.copytree(folder.parents[2], root)
    other = root / folder.relative_to(folder.parents[2])
    (other / "plots" / "learning-v9.svg").write_text("<svg/>", encoding="utf-8")
    program = (
        "from train2deploy.report import pages; from train2deploy import paths;"
        "pages.report('sample', 'ja')"
    )
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "7",
        "TZ": "Asia/Tokyo",
        "TRAIN2DEPLOY_ROOT": str(root),
    }
    (root / "results").symlink_to(paths.RESULTS)
    (root / "src").symlink_to(paths.SRC)  # scripts say what their models are called
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return other, done.stdout


class Page(html.parser.HTMLParser):
    """Checks that elements are closed in order; collects links, sources and ids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.outside: list[str] = []
        self.ids: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "a":
            self.links.append(given["href"])
        if tag in ("script", "iframe", "object", "img"):
            self.outside.append(tag)
        self.outside += [given[name] for name in ("src", "srcset", "data") if name in given]
        if tag == "link" and given["href"] != "data:,":
            self.outside.append(given["href"])
        if "id" in given:
            self.ids.append(given["id"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def links(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        return Page(text).links
    return re.findall(r"\]\(([^)]+)\)", text)


def test_every_file_of_both_languages_is_written(folder: Path):
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
    plots = ["accuracy", "calibration-v1", "calibration-v2", "learning-v1", "learning-v2",
             "ranking", "speed-p50-ms", "speed-per-second"]  # fmt: skip
    drawn = [f"plots/{name}{ending}" for name in plots for ending in (".svg", ".ja.svg")]
    assert names == sorted([*FOUR_PAGES, "report.json", *drawn])


@pytest.mark.parametrize("report, sections", [("folder", 10), ("corpus", 10)])
@pytest.mark.parametrize("name", FOUR_PAGES)
def test_every_link_leads_somewhere(request, report, sections, name):
    folder: Path = request.getfixturevalue(report)
    found = links(folder / name)
    local = [link for link in found if not link.startswith(("https://", "#"))]
    assert [link for link in local if not (folder / link).is_file()] == []
    assert any(link.endswith("/evaluation.json") for link in local)
    assert any(link.endswith("results/published.toml") for link in local)
    if name.endswith(".html"):
        page = Page((folder / name).read_text(encoding="utf-8"))
        anchors = {link[1:] for link in found if link.startswith("#")}
        assert len(anchors) == sections
        assert anchors <= set(page.ids)
        assert len(page.ids) == len(set(page.ids))


@pytest.mark.parametrize("name", ["report.html", "report.ja.html"])
def test_a_page_needs_nothing_from_outside(corpus: Path, name: str):
    text = (corpus / name).read_text(encoding="utf-8")
    assert Page(text).outside == []
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert "@import" not in style
    assert re.findall(r"url\((?!data:)[^)]*\)", style) == []
    assert len(text.encode()) < 1_500_000


@pytest.mark.parametrize("report", ["folder", "corpus"])
@pytest.mark.parametrize("name", ["report.html", "report.ja.html"])
def test_every_cell_with_a_number_links_to_the_file_that_it_came_from(request, report, name):
    folder: Path = request.getfixturevalue(report)
    text = re.sub(r"<(title|desc)\b.*?</\1>", "", (folder / name).read_text(encoding="utf-8"))
    told = text.partition('id="environment"')[0]
    # In words what an article says of its model, and the command.
    told = re.sub(r'<dl class="facts">.*?</dl>|<summary.*?</summary>|<svg.*?</svg>', "", told,
                  flags=re.S)  # fmt: skip
    cells = re.findall(r"<(?:td|dd)\b.*?</(?:td|dd)>", told, re.S)
    with_numbers = [cell for cell in cells if re.search(r">[^<>]*\d[^<>]*<", cell)]
    assert len(with_numbers) > 100
    assert [cell for cell in with_numbers if 'href="' not in cell] == []


def test_the_same_files_give_the_same_bytes_in_another_process(folder: Path, again):
    before, after = (
        {path.relative_to(top): path.read_bytes() for path in top.rglob("*.*")}
        for top in (folder, again[0])
    )
    assert before.keys() == after.keys(), "plots of an earlier report do not stay"
    # The published figures lie elsewhere for the second process, so its links to them differ.
    there = os.path.relpath(paths.PUBLISHED, folder).encode()
    differing = [
        path.name
        for path in before
        if before[path].replace(there, b"../../../results/published.toml") != after[path]
    ]
    assert differing == []


# --- words -------------------------------------------------------------------------------------


def test_both_languages_say_the_same_things():
    known = {language: texts.load(language).known for language in LANGUAGES}
    fields = {
        language: {
            key: {field for _, field, _, _ in string.Formatter().parse(text) if field}
            for key, text in found.items()
        }
        for language, found in known.items()
    }
    assert fields["en"] == fields["ja"]
    names = {"F1", "val_acc", "gunicorn", "{name} {accuracy}", "{split} {seed}"}
    same = {key for key, text in known["en"].items() if text and known["ja"][key] == text}
    assert {known["en"][key] for key in same} <= {*names, "/invocations"}


def test_every_text_is_used():
    sources = "".join(
        path.read_text(encoding="utf-8")
        for path in (paths.SRC / "train2deploy").rglob("*")
        if path.suffix in (".py", ".j2")
    )
    made = ("section_", "intro_", "verdict_", "find_", "vectors_", "printed_", "parity_",
            "subject_", "env_", "check_")  # fmt: skip
    names = {"edge", "gunicorn", "handler", "model server", "supervisor", "total"}
    names |= {*SUBJECTS, "bare process"}
    names |= {"characters 1-3, logistic regression", "characters 1-4, linear SVM"}
    scores = {"accuracy", "f1_weighted", "f1_macro", "precision", "recall", "f1", "val_acc"}
    scores |= {"probability", "p50_ms", "per_second"}
    scores |= {"v1_long", *(f"column_{name}" for name in ("model", "exact", "ours"))}
    unused = [
        key
        for key in texts.load("en").known
        if f'"{key}"' not in sources and not key.startswith(made) and key not in names | scores
    ]
    assert unused == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_three_lines_say_what_came_out(written, again, language):
    _, printed = again if language == "ja" else written
    lines = printed.splitlines()
    assert len(lines) == 5
    # 0.7 + 0.02 * seed and 0.85 + 0.02 * seed of 60 sentences
    assert "0.725 ± 0.012" in lines[0] and "0.875 ± 0.012" in lines[0]
    assert "0.950" in lines[1]
    assert "60" in lines[2] and "0.77" in lines[2], "fewer than 100 test rows"
    assert "make report DATASET=knbc" in lines[3]


def test_the_commands_that_make_it_again_hold_all_that_was_given(project: Path):
    data = {"titles": False, "clean": True, "split": "article", "seed": 4}
    options = {"batch-size": 16, "vectors": "wikipedia"}
    write_run(paths.RUNS, dataset="mine", seed=2, epochs=3, data=data, **options)
    text = pages.report("mine", "en").read_text(encoding="utf-8")
    assert (
        "make reproduce DATASET=mine VERSION=v1 TITLES=drop CLEAN=1 SPLIT=article SEEDS=2"
        " SPLIT_SEED=4 VECTORS=wikipedia BATCH_SIZE=16 EPOCHS=3\nmake report DATASET=mine" in text
    )


def test_the_standard_error_is_the_hand_worked_one(project: Path):
    write_run(paths.RUNS, accuracy=0.8, sentences=60)
    text = pages.report("sample", "en").with_suffix(".md").read_text(encoding="utf-8")
    assert "60 test sentences determine an accuracy only to ± 0.052" in text  # √(.8 × .2 / 60)


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["report"], "expected completed runs of it in build/runs, found runs of: none."),
        (["report", "--runs", "nowhere"], "completed runs of it in nowhere, found runs of: none"),
        (["reference", "--dataset", "mine"], "DATASET=mine: expected one of sample, knbc."),
        (["reference"], "expected 5 runs of sample v1 that differ in their seed alone, found 0."),
    ],
)
def test_what_cannot_be_made_is_told_in_one_line(project, capsys, arguments, told):
    assert cli.main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line


def test_the_packages_that_were_measured_are_called_by_job_and_file(project: Path):
    write_both(paths.RUNS, seeds=1)
    write_measurements(paths.BUILD, against="build/v1.tar.gz")
    folder = pages.report("sample", "en").parent
    english = (folder / "report.md").read_text("utf-8")
    assert "| /invocations of v1.tar.gz |" in english
    assert "the model of job v1-20261123-080000" in english
    assert "| v1.tar.gz の /invocations |" in (folder / "report.ja.md").read_text("utf-8")


def test_what_was_not_measured_names_the_command_that_measures_it(project: Path):
    write_run(paths.RUNS)
    folder = pages.report("sample", "en").parent
    for name in FOUR_PAGES:
        text = (folder / name).read_text(encoding="utf-8")
        for command in ("make bench", "make verify", "make parity A=host B=docker", "B=cloud"):
            assert command in text


@pytest.mark.parametrize(
    "account, told, not_told",
    [("aws", "SageMaker", "make emulator"), ("emulator", "make emulator", "SageMaker")],
)
def test_parity_says_between_which_places_it_was(project, account, told, not_told):
    write_run(paths.RUNS)
    write_measurements(paths.BUILD)
    write_cloud_parity(paths.BUILD, account)
    folder = pages.report("sample", "en").parent
    for name in FOUR_PAGES:
        text = (folder / name).read_text(encoding="utf-8")
        (runtimes,) = [line for line in text.splitlines() if "v2" in line and "docker" in line]
        assert "host" in runtimes
        (cloud,) = [line for line in text.splitlines() if told in line and "host" in line]
        assert not_told not in cloud
        assert "make parity" not in text


def test_html_and_markdown_show_the_same_scores(corpus: Path):
    whole = [(corpus / name).read_text(encoding="utf-8") for name in FOUR_PAGES]
    shown = [set(re.findall(r"\d\.\d+ ± \d\.\d+", text)) for text in whole]
    assert shown[0] and all(one == shown[0] for one in shown)


def test_labels_of_a_users_data_are_text_and_nothing_else(project: Path):
    folder = write_run(paths.RUNS, dataset="mine")
    bad = '<script>alert("京都")</script>'
    for path in folder.glob("*.json"):
        text = path.read_text(encoding="utf-8").replace(LABELS[2], json.dumps(bad)[1:-1])
        path.write_text(text, encoding="utf-8")
    page = pages.report("some/where/mine", "en")
    assert page.parent.name == "mine"
    text = page.read_text(encoding="utf-8")
    assert "&lt;script&gt;" in text
    assert Page(text).outside == []
    for plot in (page.parent / "plots").iterdir():
        assert ET.parse(plot).getroot().tag.endswith("svg")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_report_of_a_users_data_has_nothing_of_the_article(project: Path, language: str):
    for seed in (1, 2):
        write_run(paths.RUNS, dataset="mine", seed=seed, sentences=40)
    for golden in paths.RUNS.glob("*-s2-*/golden.json"):
        golden.unlink()  # as it is recorded
    page = pages.report("mine", language)
    for text in (page.read_text(encoding="utf-8"), page.with_suffix(".md").read_text("utf-8")):
        assert "電波" not in text
        assert "KNB " not in text, "without the space it may be of the font"
        assert ("only 40 test rows" if language == "en" else "40 文しかありません") in text.lower()
    assert not list((page.parent / "plots").glob("ranking*"))


NASTY = "a|b `c` <i>&amp;</i> [x](y) *\x1b[31m\x00\n\r\u2028\u202e*" + "長い" * 60


def test_a_label_may_hold_anything_and_breaks_no_page_table_or_plot(project: Path):
    folder = write_run(paths.RUNS, dataset="mine")
    others = {LABELS[1]: NASTY + "1", LABELS[2]: NASTY + "2"}
    for path in folder.glob("*.json"):
        text = path.read_text(encoding="utf-8")
        for old, new in others.items():
            text = text.replace(old, json.dumps(new, ensure_ascii=False)[1:-1])
        path.write_text(text, encoding="utf-8")
    page = pages.report("mine", "en")
    built = json.loads(page.with_name("report.json").read_text(encoding="utf-8"))
    assert {NASTY + "1", NASTY + "2"} <= set(built["versions"]["v1"]["labels"])
    for name in FOUR_PAGES:
        text = page.with_name(name).read_text(encoding="utf-8")
        assert not re.search("[\x00\x1b\r\u2028\u202e]", text)
        assert "<i>" not in text
    rows = re.findall(r"^\|.*", page.with_name("report.md").read_text(encoding="utf-8"), re.M)
    nasty = [row for row in rows if row.startswith(r"| a\|b \`c\` \<i\>\&amp;")]
    assert len(nasty) == 4  # two labels: by class, confusion
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in nasty[:2]}) == 1
    assert len({row.partition(" | ")[0] for row in nasty}) == 2
    assert Page(page.read_text(encoding="utf-8")).outside == []
    for plot in (page.parent / "plots").iterdir():
        assert ET.parse(plot).getroot().tag.endswith("svg")
