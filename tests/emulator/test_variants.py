"""A second package beside the first: compared, promoted, in the shadow; what was captured."""

import csv
import json
import re
import shutil
import subprocess

import pytest
from conftest import another_model, running_account
from project import LABELS, REPOSITORY, TIMEOUT_SECONDS, Project, sentences, write_data_set

from train2deploy.hashing import sha256_file

ROWS = ([row for row in sentences() if row[1] in LABELS] * 20)[:2000]
"""Of the labels that the small model knows."""
RUNS = """
import json, sys
from pathlib import Path
import made_runs
from train2deploy import endpoint
rows = json.loads(sys.stdin.read())
truth = [label for _, label in rows]
for version, archive in zip(("v1", "v2"), sys.argv[1:]):
    found = []
    with endpoint.temporary(endpoint.unpacked_model(Path(archive)), None) as running:
        for start in range(0, len(rows), 100):
            texts = [text for text, _ in rows[start:start + 100]]
            found += [str(ranking[0]["label"]) for ranking in endpoint.classify(running, texts)]
    right = sum(a == b for a, b in zip(truth, found)) / len(truth)
    print(made_runs.run(version, accuracy=right, predicted=found, truth=truth)["id"], right)
"""


@pytest.fixture(scope="module")
def second(project, tmp_path_factory):
    """A package like the project's that takes some of the labels for others."""
    scratch = tmp_path_factory.mktemp("second")

    def change(model):
        labels = model / "code" / "labels.json"
        first, *others = json.loads(labels.read_text(encoding="utf-8"))
        labels.write_text(json.dumps([*others, first], ensure_ascii=False), encoding="utf-8")

    with another_model(project, scratch, change):
        return shutil.copyfile(project.build / "model.tar.gz", scratch / "second.tar.gz")


@pytest.fixture(scope="module")
def account(project):
    with running_account(project) as account:
        with project.real():
            run(project, "deploy")
        yield account


def run(project, *arguments):
    done = project.run_tool(*arguments)
    assert done.returncode == 0, done.stdout
    return done.stdout


def described(account):
    return account.client("sagemaker").describe_endpoint(EndpointName="train2deploy")


def names(variants):
    return [each["VariantName"] for each in variants]


def served(account):
    """The archive that each variant's model names, by the variant."""
    client = account.client("sagemaker")
    config = client.describe_endpoint_config(
        EndpointConfigName=described(account)["EndpointConfigName"])
    variants = config["ProductionVariants"] + config.get("ShadowProductionVariants", [])
    return {
        each["VariantName"]: client.describe_model(ModelName=each["ModelName"])[
            "PrimaryContainer"]["ModelDataUrl"] for each in variants}


def of_the_test(output):
    """What a comparison says of McNemar's test."""
    return re.search(r"test sentences: .*\nMcNemar.*\n.*\n", output).group()


def test_the_first_goes_on_answering_with_the_other_share(project, account, second):
    before = served(account)
    with project.real():
        said = run(project, "deploy", "--b", str(second), "--weight", "0.25")
    assert "B of endpoint train2deploy  (25% of the requests)" in said
    found = described(account)["ProductionVariants"]
    assert [(each["VariantName"], each["CurrentWeight"]) for each in found] == [
        ("AllTraffic", 0.75), ("B", 0.25)]
    assert served(account) == {
        **before, "B": next(url for url in served(account).values() if url not in before.values())}
    assert len(account.names()["EndpointConfig"]) == 1
    made = account.count("UpdateEndpoint")
    assert "has these variants already" in run(
        project, "deploy", "--b", str(second), "--weight", "0.25")
    assert account.count("UpdateEndpoint") == made


def test_two_thousand_labelled_requests_compare_as_the_two_runs_do(
    project, account, second, tmp_path
):
    """cloud-compare, and `make compare` of runs of the same packages: one table of McNemar's."""
    data = write_data_set(tmp_path / "rows", ROWS)
    said = run(project, "compare", "--input", str(data))
    (tmp_path / "runs").mkdir()
    others = Project(tmp_path / "runs")
    environment = others.environment() | {
        "PYTHONPATH": f"{REPOSITORY / 'src'}:{REPOSITORY / 'tests' / 'unit' / 'host'}"}
    packages = [str(project.build / "model.tar.gz"), str(second)]
    done = subprocess.run(
        [REPOSITORY / ".venvs" / "host" / "bin" / "python", "-c", RUNS, *packages],
        input=json.dumps(ROWS), env=environment, cwd=others.root, text=True,
        stdout=subprocess.PIPE, timeout=TIMEOUT_SECONDS)
    assert done.returncode == 0
    (a, right_a), (b, right_b) = (line.split() for line in done.stdout.splitlines())
    compared = others.make("--no-print-directory", "compare", f"A={a}", f"B={b}").stdout
    assert of_the_test(said) == of_the_test(compared)
    assert "test sentences: 2000;" in said
    found = project.json("cloud/comparison.json")
    assert found["accuracy"] == [float(right_a), float(right_b)]
    counts = {key: value for key, value in found["mcnemar"].items() if key != "p"}
    assert sum(counts.values()) == 2000 and counts["only_a"] != counts["only_b"]
    assert found["better"] in ("AllTraffic", "B", "")
    assert all(0 < p50 <= p95 for p50, p95 in found["latency_ms"])
    assert found["usd_an_hour"][0] == found["usd_an_hour"][1] > 0


def test_the_better_one_is_promoted_by_one_update_and_the_account_is_clean(
    project, account, second, tmp_path
):
    """The labels are what the second one answers, so that it is right and the first one is not."""
    texts = [text for text, _ in ROWS[:40]]
    answer = account.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="train2deploy", TargetVariant="B", ContentType="application/json",
        Body=json.dumps({"q": texts}))
    labels = [ranking[0]["label"] for ranking in json.load(answer["Body"])]
    data = write_data_set(tmp_path / "rows", list(zip(texts, labels)))
    assert "only B 40" in run(project, "compare", "--input", str(data))
    before, made = served(account), account.count("UpdateEndpoint")
    run(project, "promote")
    assert account.count("UpdateEndpoint") == made + 1
    assert names(described(account)["ProductionVariants"]) == ["AllTraffic"]
    assert served(account) == {"AllTraffic": before["B"]}
    assert len(account.names()["Model"]) == len(account.names()["EndpointConfig"]) == 1
    done = project.run_tool("promote")
    assert done.returncode == 2 and "nothing to promote" in done.stdout
    done = project.run_tool("compare")
    assert done.returncode == 2 and "has the variant AllTraffic alone" in done.stdout


def test_a_shadow_is_compared_by_what_was_captured_of_it(project, account, second, tmp_path):
    run(project, "deploy")
    run(project, "deploy", "--b", str(second), "--shadow")
    found = described(account)
    assert names(found["ProductionVariants"]) == ["AllTraffic"]
    assert names(found["ShadowProductionVariants"]) == ["B"]
    assert found["DataCaptureConfig"]["CurrentSamplingPercentage"] == 100
    assert len(account.names()["Model"]) == 2
    data = write_data_set(tmp_path / "rows", ROWS[:60])
    said = run(project, "compare", "--input", str(data))
    assert "test sentences: 60;" in said
    comparison = project.json("cloud/comparison.json")
    assert comparison["accuracy"][0] != comparison["accuracy"][1]
    assert comparison["mcnemar"]["only_a"] + comparison["mcnemar"]["only_b"] > 0
    done = project.run_tool("promote", "--variant", "C")
    assert done.returncode == 2 and "VARIANT=C: expected A, or one of" in done.stdout
    run(project, "promote", "--variant", "A")
    assert "ShadowProductionVariants" not in described(account)
    assert len(account.names()["Model"]) == len(account.names()["EndpointConfig"]) == 1
    assert described(account)["DataCaptureConfig"]["CaptureStatus"] == "Started"


def test_captured_requests_come_back_as_a_table_that_takes_labels(project, account):
    """The sixty sentences of the comparison, in requests of fifty and ten, of both variants."""
    run(project, "captured")
    table = project.build / "cloud" / "captured.csv"
    rows = read(table)
    asked = {text for text, _ in ROWS[:60]}
    for variant in ("AllTraffic", "B"):
        assert asked <= {row["sentence"] for row in rows if row["variant"] == variant}
    assert {row["label"] for row in rows} == {""}
    assert all(0 < float(row["probability"]) <= 1 for row in rows)
    truth = dict(ROWS)
    labelled = [{**row, "label": truth.get(row["sentence"], "")} for row in rows]
    write(table, labelled)
    run(project, "captured")
    assert {row["id"]: row["label"] for row in read(table)} == {
        row["id"]: row["label"] for row in labelled}, "labels were lost"
    scored = project.make("--no-print-directory", "evaluate", f"CAPTURED={table}").stdout
    variants = project.json("evaluation-captured.json")["variants"]
    assert set(variants) == {"AllTraffic", "B"} and "captured sentences with a label" in scored
    for name, found in variants.items():
        own = [row for row in labelled if row["variant"] == name and row["label"]]
        right = sum(row["label"] == row["predicted"] for row in own)
        assert (found["n"], found["accuracy"]) == (len(own), pytest.approx(right / len(own)))


def read(table):
    with table.open(encoding="utf-8-sig", newline="") as csv_file:
        return list(csv.DictReader(csv_file))


def write(table, rows):
    with table.open("w", encoding="utf-8-sig", newline="") as csv_file:
        writer = csv.DictWriter(csv_file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize("percentage, captured", [("0", False), ("20", True)])
def test_capture_is_turned_on_and_off_by_a_deployment(project, account, percentage, captured):
    run(project, "deploy", "--capture", percentage)
    found = described(account).get("DataCaptureConfig")
    assert (found is not None) == captured
    assert not captured or found["CurrentSamplingPercentage"] == 20
    assert "captured requests" in run(project, "status")


def test_a_second_package_needs_an_endpoint_and_a_file(project, account, second):
    done = project.run_tool("--set", "ENDPOINT_NAME=absent", "deploy", "--b", str(second))
    assert done.returncode == 2 and "endpoint absent: expected it in service" in done.stdout
    done = project.run_tool("deploy", "--b", "absent.tar.gz")
    assert done.returncode == 2 and "B=absent.tar.gz: expected a package" in done.stdout
    done = project.run_tool("deploy", "--shadow")
    assert done.returncode == 2 and "SHADOW: goes with B=<package>" in done.stdout


def test_what_is_deployed_is_the_project_s_own_again(project, account):
    (url,) = served(account).values()
    assert url.split("/")[-2] == sha256_file(project.build / "model.tar.gz")[:16]
