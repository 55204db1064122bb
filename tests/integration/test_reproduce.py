"""`make reproduce`: small jobs, killed at every stage and started again; runs and compare."""

import contextlib
import json
import os
import re
import signal
import threading
import time

import pytest
from corpus import REAL, needs_the_corpus
from project import SMALL, SMALL_V2, TIMEOUT_SECONDS, Project, sentences, small_data_set

RESULTS = ("evaluation.json", "history.json")


def settings(project, *further):
    """Variables of a small reproduction of a data set that the project brings."""
    text = project.root / "mine" / "features.csv"
    data_set = (f"DATASET={project.root / 'mine'}", f"CORPUS={text}")
    return ("reproduce", *data_set, *SMALL, "HIDDEN=4", "REPORT=0", *further)


def new_project(root):
    project = Project(root)
    small_data_set(root / "mine", per_label=40)
    return project


def runs(project):
    """Each run's manifest and what must be the same when it is made again, by id."""
    found = {}
    for path in sorted((project.build / "runs").iterdir()):
        results = [(path / name).read_bytes() for name in RESULTS if (path / name).exists()]
        record = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
        same = [record["inputs"], record["outputs"], record["metrics"], results]
        found[path.name] = (record, same)
    return found


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory):
    """Two seeds, made side by side without interruption."""
    project = new_project(tmp_path_factory.mktemp("reproduced"))
    (project.build / "jobs").mkdir(parents=True)
    (project.build / "model.tar.gz").write_bytes(b"the user's own")
    text = project.make(*settings(project, "SEEDS=2", "JOBS=2")).stdout
    return project, text


def test_a_run_for_each_seed_is_recorded(reproduced):
    project, text = reproduced
    made = runs(project)
    assert [name[:10] for name in made] == ["mine-v1-s1", "mine-v1-s2"]
    for (record, _), seed in zip(made.values(), (1, 2)):
        assert record["status"] == "completed"
        assert record["hyperparameters"]["seed"] == record["seed"] == seed
        assert record["hyperparameters"]["single_thread"] is True
        assert record["environment"]["tensorflow"] == "1.12.0"
        assert record["environment"]["python"]["train"].startswith("3.6.")
        assert record["durations"]["training_s"] > 0
        assert record["id"] in text
    one, other = (record["outputs"]["variables"] for record, _ in made.values())
    assert one != other, "another seed, other weights"
    assert "over 2 seeds" in text


def test_every_answer_of_a_run_is_there(reproduced):
    project, _ = reproduced
    for name in runs(project):
        evaluation = project.json(f"runs/{name}/evaluation.json")
        count = evaluation["model"]["n"]
        assert len(evaluation["probabilities"]) == len(evaluation["test_ids"]) == count
        for row, predicted in zip(evaluation["probabilities"], evaluation["predicted"]):
            assert sum(row) == pytest.approx(1, abs=1e-5)
            assert evaluation["labels"][row.index(max(row))] == predicted
        assert not (project.build / "runs" / name / "golden.json").exists(), "the article's alone"


def test_the_users_own_build_is_left_alone_and_nothing_is_left_over(reproduced):
    project, _ = reproduced
    assert (project.build / "model.tar.gz").read_bytes() == b"the user's own"
    assert list((project.build / "jobs").iterdir()) == []
    assert not (project.build / "data").exists()
    assert not (project.build / "vectors").exists()
    left = sorted(path.name[:5] for path in (project.build / "reproduce").iterdir())
    assert left == ["data-", "lock"]
    assert project.wait_until_quiet() == []


def test_no_manifest_names_a_path_or_a_machine(reproduced):
    project, _ = reproduced
    for path in (project.build / "runs").glob("*/*.json"):
        text = path.read_text(encoding="utf-8")
        assert str(project.root) not in text
        assert os.uname().nodename not in text


def test_what_is_recorded_is_not_made_again(reproduced):
    project, _ = reproduced
    before = runs(project)
    text = project.make(*settings(project, "SEEDS=2")).stdout
    assert text.count("recorded already") == 2
    assert "to train" not in text
    assert runs(project) == before, "the day and the durations, too, are the first ones"


def test_runs_are_listed_filtered_and_compared(reproduced):
    project, _ = reproduced
    listed = json.loads(project.make("runs", "JSON=1", "WHERE=seed>1", "SORT=-accuracy").stdout)
    assert [record["seed"] for record in listed] == [2]
    text = project.make("compare", "A=mine-v1-s1", "B=mine-v1-s2").stdout
    assert re.search(r"both right \d+, only A \d+, only B \d+, neither \d+", text)
    assert "McNemar, exact, two-sided: p = " in text
    refused = project.make("compare", check=False).stdout
    assert "expected two runs, A=<run> B=<run>" in refused
    assert "mine-v1-s1" in refused


def test_a_failing_job_is_named_and_the_exit_status_is_1(reproduced):
    project, _ = reproduced
    words = project.taken("reproduce", project.add_failing_model(), *settings(project)[1:])
    done = project.make("reproduce", *words, "SEEDS=1", check=False)
    assert "1 of 1 runs failed: seed 1." in done.stdout
    assert "on purpose" in done.stdout
    assert "Error 1" in done.stdout


def test_a_published_model_is_scored_on_each_split_by_both_rules(reproduced):
    project, _ = reproduced
    version = "VERSION=word-or-character-both"
    text = project.make(*settings(project, "SPLITS=2", version)).stdout
    found = {name: record for name, (record, _) in runs(project).items()}
    made = [record for record in found.values() if record["version"] == version[8:]]
    assert [(each["seed"], each["inputs"]["data"]["seed"]) for each in made] == [(1, 1), (2, 2)]
    assert "is scored" in text and "over 2 splits, a seed each" in text
    for record in made:
        folder = project.build / "runs" / record["id"]
        assert sorted(path.name for path in folder.iterdir()) == [
            "evaluation.json", "history.json", "manifest.json"]
        history = project.json(f"runs/{record['id']}/history.json")
        author = record["metrics"]["author"]
        assert (author["rule"], author["epoch"]) == ("stopped-on-test", 1)
        assert author["accuracy"] == pytest.approx(history["test_acc"][0])
        assert record["metrics"]["accuracy"] == pytest.approx(history["test_acc"][0])
        # Two BiLSTM of 4 units, and a softmax over the 16 states that they end in.
        counted = record["metrics"]["parameters"]
        assert counted["all"] == counted["trainable"] > 3 * (16 + 1)
    again = project.make(*settings(project, "SPLITS=2", version)).stdout
    assert again.count("recorded already") == 2


# --- killed and started again -------------------------------------------------------------


def end_at(project, signal_number, reached):
    """Starts, and signals the whole group when `reached` holds; what was printed."""
    process = project.start(*settings(project, "SEEDS=1"))
    assert process.stdout is not None
    lines, deadline = [], time.monotonic() + TIMEOUT_SECONDS
    reader = threading.Thread(target=lambda: lines.extend(process.stdout))
    reader.start()
    in_time = False
    while not in_time and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
        in_time = reached()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal_number)
    process.wait(timeout=TIMEOUT_SECONDS)
    reader.join(timeout=TIMEOUT_SECONDS)
    process.stdout.close()
    assert in_time, lines
    return "".join(lines), process.returncode


def test_killed_at_every_stage_it_goes_on_and_ends_with_the_same_run(reproduced, tmp_path):
    project = new_project(tmp_path)

    def is_there(pattern):
        return lambda: bool(list((project.build / "reproduce").glob(pattern)))

    def training():
        """The job that is left behind is removed when the next one starts."""
        logs = (project.build / "reproduce").glob("*/training-*/train.log")
        return {log.parent for log in logs}

    def trains(before):
        with contextlib.suppress(FileNotFoundError):
            new = training() - before
            return any("Epoch 1/1" in (job / "train.log").read_text("utf-8") for job in new)

    # While the vectors are made, while a job trains, while the model is served.
    end_at(project, signal.SIGKILL, is_there("data-*/vectors.part-*"))
    assert not list((project.build / "reproduce").glob("data-*/vectors"))
    end_at(project, signal.SIGKILL, lambda: trains(set()))
    assert project.wait_until_quiet("train_v1") == []
    assert not list((project.build / "reproduce").glob("*/job"))
    killed = training()
    text, status = end_at(project, signal.SIGINT, lambda: trains(killed))
    assert [line for line in text.splitlines() if "interrupted" in line] == [
        "train2deploy: interrupted"
    ]
    assert "Traceback" not in text
    assert "Error 130" in text or status in (-signal.SIGINT, 130)
    assert project.wait_until_quiet() == []
    text, _ = end_at(project, signal.SIGKILL, is_there("*/served/model"))
    assert "data is up to date" in text
    assert project.wait_until_quiet() == [], "the endpoint dies with who started it"
    assert not (project.build / "runs").exists()
    text = project.make(*settings(project, "SEEDS=1")).stdout
    assert "to train" not in text, "the finished job is taken"
    name, (_, made) = next(iter(runs(project).items()))
    uninterrupted, _ = reproduced
    assert made == runs(uninterrupted)[name][1]


# --- the article's corpus -----------------------------------------------------------------


@needs_the_corpus
def test_the_corpus_of_the_article_is_reproduced(tmp_path):
    project = Project(tmp_path)
    text = tmp_path / "text.txt"
    text.write_text("\n".join(sentence for sentence, _ in sentences()[:120]), encoding="utf-8")
    project.make(
        "reproduce", "DATASET=knbc", f"KNBC={REAL}", "SEEDS=1", f"CORPUS={text}",
        *SMALL[:3], *SMALL_V2, "REPORT=0", "BATCH_SIZE=512")
    (record, _), = runs(project).values()
    assert record["dataset"]["name"] == "knbc"
    assert record["dataset"]["counts"]["train"].keys() == {"グルメ", "携帯電話", "京都", "スポーツ"}
    assert record["metrics"]["n"] == 419
    assert record["id"].startswith("knbc-v2-s1-")
