"""`make local-train` under the real AWS training toolkit."""

import csv
import json
import os
import signal

from project import SMALL, TIMEOUT_SECONDS, write_data_set


def test_the_users_own_data_train_a_model_and_leave_a_manifest(project, packed):
    job = project.build / "jobs" / "latest"
    assert "Epoch 1/1" in packed
    manifest = json.loads((job / "manifest.json").read_text())
    assert manifest["inputs"]["hyperparameters"]["epochs"] == 1
    assert manifest["metrics"]["tensorflow"] == "1.12.0"
    assert set(manifest["outputs"]) == {"model.tar.gz", "output.tar.gz"}
    assert (job / "output" / "success").exists()


def test_the_script_saw_sagemakers_variables(project, packed):
    log = (project.build / "jobs" / "latest" / "train.log").read_text(encoding="utf-8")
    for line in ("SM_CHANNEL_TRAIN=", "SM_CHANNEL_VECTORS=", "SM_MODEL_DIR=", "Invoking script"):
        assert line in log


def test_validation_and_training_metrics_are_one_row_an_epoch(project, packed):
    history = project.build / "jobs" / "latest" / "output" / "data" / "history.csv"
    with history.open(encoding="utf-8") as source:
        rows = list(csv.DictReader(source))
    assert len(rows) == 1
    assert 0 <= float(rows[0]["val_acc"]) <= 1


def test_a_failing_script_ends_with_its_reason_and_exit_status_1(project, train):
    done = train(project.add_failing_model(), check=False)
    assert done.returncode != 0
    assert "failed (exit status 1)" in done.stdout
    assert "train.log" in done.stdout
    assert "Traceback" not in done.stdout.split("failed (exit status")[1]


def test_a_bad_data_set_is_named_by_file_row_and_column(project):
    bad = write_data_set(project.root / "bad", [("あ", "a"), ("", "b"), ("い", "a"), ("う", "b")])
    done = project.make("data", f"DATASET={bad}", check=False)
    assert "bad/features.csv, row 2, column 'feature': expected text, found nothing" in done.stdout
    assert "Error 2" in done.stdout


def test_ctrl_c_leaves_no_process(project, data_set):
    process = project.start(
        "local-train", f"DATASET={data_set}", f"CORPUS={data_set / 'features.csv'}",
        *SMALL[:2], "EPOCHS=500")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Epoch 2/"):
            break
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=TIMEOUT_SECONDS)[0]
    assert "Epoch 500/500" not in said
    assert process.returncode != 0
    assert project.wait_until_quiet("train_v1") == []
