"""The shipped data set: data/sample, written for this project, CC0."""

import csv

from train2deploy import paths
from train2deploy.datasets.rows import DataSet, Row
from train2deploy.hashing import sha256_file

SENTENCES = paths.SAMPLE / "sentences.csv"
TEST_IDS = paths.SAMPLE / "test_ids.txt"


def load() -> DataSet:
    """Reads sentences.csv (id, label, feature) and the ids that are held out."""
    with SENTENCES.open(encoding="utf-8", newline="") as csv_file:
        rows = [Row(row["id"], row["feature"], row["label"]) for row in csv.DictReader(csv_file)]
    test_ids = frozenset(TEST_IDS.read_text(encoding="utf-8").split())
    source = {
        "dataset": "sample",
        "sentences_sha256": sha256_file(SENTENCES),
        "test_ids_sha256": sha256_file(TEST_IDS),
    }
    return DataSet(rows, test_ids, source)
