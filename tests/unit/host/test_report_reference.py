"""The committed report: what the code makes of the committed files, small, and shown in README."""

import json
import os
import re
import shutil
from pathlib import Path

import matplotlib
import pytest
from report_runs import write_both, write_cloud_parity, write_corpus, write_measurements, write_run
from test_plots import overlapping

from train2deploy import datasets, paths, versions
from train2deploy.errors import UserError
from train2deploy.report import checklist, matrix, readme, reference
from train2deploy.runs import registry
from train2deploy.texts import LANGUAGES

DRAWN_BY = "3.11."
MOST_BYTES = 3_000_000
RENEW = "`make reference DATASET=… KEEP=1` makes it again"
COMMITTED = [name for name in reference.DATASETS if reference.folder(name).is_dir()]


@pytest.fixture(scope="module", params=COMMITTED)
def committed(request: pytest.FixtureRequest) -> tuple[Path, dict[str, str]]:
    """A committed report's folder, and the files that the code makes of it."""
    return reference.folder(request.param), reference.build(request.param)


def test_the_committed_report_is_what_the_code_makes_of_the_committed_files(committed):
    folder, made = committed
    stale = [
        name
        for name, text in made.items()
        if not (folder / name).is_file()
        or comparable((folder / name).read_text(encoding="utf-8")) != comparable(text)
    ]
    assert stale == [], RENEW


def comparable(text: str) -> str:
    """Without the plots where another matplotlib draws than drew those that are committed."""
    same = matplotlib.__version__.startswith(DRAWN_BY)
    return text if same else re.sub(r"(?s)<svg.*?</svg>", "", text)


def test_no_words_of_any_plot_lie_on_others(committed):
    folder, made = committed
    if folder.name == reference.SAMPLE:
        drawn = {name: text for name, text in made.items() if name.endswith(".svg")}
        assert len(drawn) > 10
        for name, svg in drawn.items():
            assert overlapping(svg) == [], name


def test_nothing_else_is_committed_with_it(committed: tuple[Path, dict[str, str]]):
    folder, made = committed
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert all(name.endswith(".json") for name in there - made.keys())
    assert reference.size(folder.name) < MOST_BYTES


def test_readme_shows_the_table_of_the_report_on_the_corpus(committed):
    folder, made = committed
    for language in LANGUAGES:
        text = readme.file(language).read_text(encoding="utf-8")
        if folder.name == matrix.DATASET:
            assert readme.section(json.loads(made["report.json"]), language) in text, RENEW


def test_the_check_list_is_what_the_checks_find():
    committed = (paths.RESULTS / checklist.FILE).read_text(encoding="utf-8")
    assert committed == checklist.render(), "`make checklist` makes it again"


def test_the_files_name_no_machine_and_no_folder_of_one(committed: tuple[Path, dict[str, str]]):
    for path in committed[0].rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r'"/(work|home|root|tmp|Users)/', text), path
        assert "localhost" not in text


def test_no_sentence_of_the_corpus_is_committed():
    """But the article's own example: looked for where the corpus is there."""
    place = os.environ.get("KNBC") or next(paths.RAW.glob("KNBC*"), None)
    if matrix.DATASET not in COMMITTED or not place:
        pytest.skip("expected KNBC=<the corpus> and results/knbc, found one of them at most")
    rows = datasets.load("knbc", knbc_place=Path(place)).rows
    long = [row.text for row in rows if len(row.text) >= 8]
    for path in reference.folder(matrix.DATASET).rglob("*"):
        if path.suffix in (".json", ".md"):
            text = path.read_text(encoding="utf-8")
            assert [sentence for sentence in long if sentence in text] == [], path


# --- taking a reference ------------------------------------------------------------------------


@pytest.fixture
def root(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own, with READMEs that have the place for the table."""
    (project / "results").mkdir()
    shutil.copy(paths.PUBLISHED, project / "results")
    shutil.copytree(paths.RESULTS / "published", project / "results" / "published")
    monkeypatch.setattr(paths, "RESULTS", project / "results")
    monkeypatch.setattr(paths, "PUBLISHED", project / "results" / "published.toml")
    for language in LANGUAGES:
        text = f"before\n\n{readme.BEGIN}\nold\n{readme.END}\n\nafter\n"
        readme.file(language).write_text(text, encoding="utf-8")
    return project


def test_a_reference_takes_the_runs_and_what_was_measured_and_can_be_made_again(root: Path):
    write_both(paths.RUNS, seeds=2)
    write_run(paths.RUNS, seed=1, epochs=2)
    write_measurements(paths.BUILD)
    write_cloud_parity(paths.BUILD, "emulator")
    reference.reference("sample", seeds=2, keep=False)
    folder = root / "results" / "sample"
    runs = sorted(path.name for path in (folder / "runs").iterdir())
    assert len(runs) == 4
    assert {path.name for path in (folder / "runs" / runs[0]).iterdir()} == {
        f"{name}.json" for name in registry.PARTS
    }
    for name in ("reports/bench.json", "parity.json", "cloud/parity.json"):
        assert (folder / name).is_file()
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert f'href="runs/{runs[0]}/manifest.json"' in page
    assert 'href="../published.toml"' in page
    assert 'href="parity.json"' in page and 'href="cloud/parity.json"' in page

    before = {path: path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}
    shutil.rmtree(paths.BUILD)
    for path in before:
        if path.suffix != ".json" or path.name == "report.json":
            path.unlink()
    reference.reference("sample", seeds=2, keep=True)
    assert {path: path.read_bytes() for path in before} == before


def test_of_the_corpus_scores_answers_and_a_table_are_taken(root: Path):
    """The answers that a plot needs, and the table between its markers; nothing else is touched."""
    write_corpus(paths.RUNS, runs=2)
    reference.reference("knbc", seeds=5, keep=False)
    folder = root / "results" / "knbc"
    runs = {run.id: run for run in registry.load(folder=folder / "runs")}
    assert {run.version for run in runs.values()} > {"v1", "v2", "v3", "bilstm", "comp-corpus"}
    for run in runs.values():
        assert "test_ids" not in run.evaluation
        shown = not versions.is_published(run.version) and run.split == "published" and run.titles
        assert ("probabilities" in run.evaluation) == (
            shown and run.vectors == versions.vectors_of(run.version)
        )
    whole = {run.id: run for run in registry.load(folder=paths.RUNS)}
    assert {name: run.accuracy for name, run in runs.items()} == {
        name: run.accuracy for name, run in whole.items()
    }
    for language, title in (("en", "| model | published |"), ("ja", "| モデル | 公表値 |")):
        text = readme.file(language).read_text(encoding="utf-8")
        assert text.startswith(f"before\n\n{readme.BEGIN}\n")
        assert text.endswith(f"{readme.END}\n\nafter\n")
        assert title in text and "old" not in text
        assert "F1 0.76 | 319 / 419 |" in text and "**v3**" in text
    before = {path: path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}
    shutil.rmtree(paths.BUILD)
    reference.reference("knbc", seeds=5, keep=True)
    assert {path: path.read_bytes() for path in before} == before
    assert readme.file("en").read_text(encoding="utf-8").count(readme.BEGIN) == 1


def test_too_few_seeds_are_refused_and_what_was_there_stays(root: Path):
    write_both(paths.RUNS, seeds=2)
    reference.reference("sample", seeds=2, keep=False)
    before = sorted(reference.folder().rglob("*"))
    with pytest.raises(UserError) as caught:
        reference.reference("sample", seeds=5, keep=False)
    assert "build/runs: expected 5 runs of sample v1" in str(caught.value)
    assert "found 2." in str(caught.value)
    assert "`make reproduce DATASET=sample VERSION=v1 SEEDS=5`" in str(caught.value)
    assert sorted(reference.folder().rglob("*")) == before


def test_runs_of_uncommitted_sources_are_taken_with_a_warning(root, capsys):
    write_both(paths.RUNS, seeds=1)
    reference.reference("sample", seeds=1, keep=False)
    assert "warning" not in capsys.readouterr().out
    for path in paths.RUNS.glob("*-v2-*/manifest.json"):
        text = path.read_text(encoding="utf-8").replace('"dirty": false', '"dirty": true')
        path.write_text(text, encoding="utf-8")
    reference.reference("sample", seeds=1, keep=False)
    assert "warning: the runs of v2 were made with changes" in capsys.readouterr().out


def test_a_readme_without_a_place_for_the_table_is_named(root: Path, corpus: Path):
    readme.file("ja").write_text("# no place\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"README\.ja\.md: expected the lines <!-- report"):
        readme.renew((corpus / "report.json").read_text(encoding="utf-8"))
