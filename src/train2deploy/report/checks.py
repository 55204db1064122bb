"""The checks behind results/CHECKLIST.md: each looks at the repository, none takes a word for it.

A check gives (whether it holds, what was found). It reads what is under version control, so that
every clone finds the same.
"""

import csv
import json
import re
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from train2deploy import archives, downloads, paths
from train2deploy.datasets import sample
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_file
from train2deploy.report import matrix, readme, recorded, reference
from train2deploy.report.recorded import Run
from train2deploy.report.shape import LANGUAGES

Finding = tuple[bool, str]
Check = Callable[[], Finding]

SEEDS = 5
DURATIONS = ("training_s", "epoch_s", "package_s", "evaluate_s")
SHA256 = re.compile(r"^[0-9a-f]{64}$")


def runs() -> list[Run]:
    """The runs of the reference report."""
    return recorded.read(reference.folder() / paths.RUNS.name)


def _all(what: str, failing: list[str]) -> Finding:
    return not failing, what if not failing else f"not so: {', '.join(failing)}"


def _of_runs(what: str, holds: Callable[[Run], object]) -> Finding:
    """Whether it holds of every run of the reference, of which there must be some."""
    found = runs()
    if not found:
        return False, f"{paths.relative(reference.folder())} has no runs"
    return _all(f"{what}: all runs in results/sample", [run.id for run in found if not holds(run)])


def pins() -> Finding:
    """Every requirement of every lock has a version and a sha256; every .in has a lock."""
    sources = sorted(paths.REQUIREMENTS.glob("*.in"))
    missing = [one.name for one in sources if not one.with_suffix(".lock").is_file()]
    loose = [
        f"{lock.name}: {name}"
        for lock in sorted(paths.REQUIREMENTS.glob("*.lock"))
        for name, block in requirements(lock.read_text(encoding="utf-8"))
        if "==" not in name or "--hash=sha256:" not in block
    ]
    return _all("every package of every lock: a version and its sha256", missing + loose)


def requirements(text: str) -> Iterator[tuple[str, str]]:
    """First line and whole text of each requirement of a lock file."""
    for block in re.split(r"\n(?=[A-Za-z0-9])", f"\n{text}"):
        block = block.strip()
        if block and not block.startswith("#"):
            yield block.split()[0], block


def images() -> Finding:
    """Every base image in a Dockerfile's defaults is named by digest."""
    loose = []
    for path in sorted((paths.ROOT / "docker").rglob("*ockerfile")):
        for image in re.findall(r"^ARG \w+=(\S+:\S+)", path.read_text(encoding="utf-8"), re.M):
            if not re.search(r"@sha256:[0-9a-f]{64}$", image):
                loose.append(f"{path.parent.name}: {image}")
    return _all("every default base image: a digest", loose)


def data_hashes() -> Finding:
    """The shipped data is what the reference runs name."""
    now = {
        "sentences_sha256": sha256_file(sample.SENTENCES),
        "test_ids_sha256": sha256_file(sample.TEST_IDS),
    }
    differing = [
        run.id
        for run in runs()
        if {name: run.manifest["dataset"]["inputs"].get(name) for name in now} != now
    ]
    return _all("sample: the files that the runs name", differing)


def disjoint() -> Finding:
    """No test sentence of the sample is a training sentence, spelling aside."""
    data = sample.load()
    parts: dict[bool, set[str]] = {True: set(), False: set()}
    for row in data.rows:
        held_out = row.id in (data.test_ids or ())
        parts[held_out].add(unicodedata.normalize("NFKC", row.text).strip().lower())
    both = sorted(parts[True] & parts[False])
    return _all("data/sample: no sentence on both sides", both)


def seeds() -> Finding:
    """Each run names its seed and was made with it alone deciding."""
    return _of_runs("a seed, recorded and deciding (REPRO)", lambda run: run.seed and _repro(run))


def _repro(run: Run) -> bool:
    given = run.manifest["hyperparameters"]
    return bool(run.manifest["repro"]) and given.get("seed", run.seed) == run.seed


def several() -> Finding:
    """At least five runs of each version, and their spread in the report."""
    found = runs()
    few = [
        f"{version}: {count} of {SEEDS}"
        for version in reference.VERSIONS
        if (count := len({run.seed for run in found if run.version == version})) < SEEDS
    ]
    return _all(f"{SEEDS} seeds of each version, mean ± standard deviation, minimum, maximum", few)


def held_out() -> Finding:
    """`make evaluate` exists, and each run was scored on exactly the held-out sentences."""
    ids = set(sample.TEST_IDS.read_text(encoding="utf-8").split())
    if not target("evaluate"):
        return False, "no target evaluate in the Makefile"
    return _of_runs(
        "scored on data/sample/test_ids.txt and nothing else",
        lambda run: set(run.evaluation["test_ids"]) == ids,
    )


def chosen_by_validation() -> Finding:
    """The weights that were kept are of the epoch best on validation sentences, or of the last."""

    def holds(run: Run) -> bool:
        validation = run.manifest["metrics"]["validation"]
        if validation["monitor"] is None:  # v3 has no epoch to choose
            return True
        values = run.history[validation["monitor"]]
        best = min(values) if validation["monitor"] == "val_loss" else max(values)
        return bool(values.index(best) + 1 == validation["epoch"])

    return _of_runs("the epoch kept: the best on validation sentences, not on test", holds)


def hyperparameters() -> Finding:
    return _of_runs("every hyperparameter in the manifest", lambda r: r.manifest["hyperparameters"])


def yardsticks() -> Finding:
    return _of_runs(
        "compared with two linear models", lambda r: len(r.evaluation["yardsticks"]) > 1
    )


def byte_identical() -> Finding:
    """The same files, written at other times and given in another order, give the same archive."""
    with tempfile.TemporaryDirectory() as scratch:
        digests = set()
        for number, names in enumerate((["a", "b/c"], ["b/c", "a"])):
            entries = []
            for name in names:
                path = Path(scratch, str(number), name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(name, encoding="utf-8")
                entries.append((name, path))
            archive = Path(scratch, f"{number}.tar.gz")
            archives.pack(entries, archive)
            digests.add(sha256_file(archive))
    return len(digests) == 1, "packed twice here: the same bytes"


def manifests() -> Finding:
    """Inputs and outputs by sha256; the model that was scored is the one that was packed."""

    def holds(run: Run) -> bool:
        outputs, inputs = run.manifest["outputs"], run.manifest["inputs"]
        digests = [*outputs.values(), *inputs["channels"].values(), *inputs["locks"].values()]
        scored = run.evaluation["model_sha256"]
        return all(map(SHA256.match, digests)) and scored == outputs["model.tar.gz"]

    return _of_runs("inputs and outputs by sha256, the scored model among them", holds)


def offline() -> Finding:
    """A fetched file is taken without a network, and one that was changed is refused."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "fetched")
        path.write_bytes(b"fetched before")
        digest = sha256_file(path)
        unreachable = "http://127.0.0.1:9/"
        taken = downloads.fetch(unreachable, path, digest).read_bytes() == b"fetched before"
        path.write_bytes(b"changed")
        try:
            downloads.fetch(unreachable, path, digest)
            refused = False
        except UserError:
            refused = True
    return taken and refused, "a fetched file: taken with no network, refused when changed"


def licence() -> Finding:
    """A licence of the code, and one for each row of data/README.md that is fetched unasked."""
    text = (paths.ROOT / "LICENSE").read_text(encoding="utf-8")
    missing = [] if "MIT License" in text else ["LICENSE"]
    table = (paths.DATA / "README.md").read_text(encoding="utf-8").partition("\n\n##")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
        if line.startswith("|")
    ][2:]
    unknown = [row for row in rows if not row[2] or "unknown" in row[2]]
    missing += [row[0] for row in unknown if "on request" not in row[3]]
    asked = "".join(f"; unknown, fetched on request only: {row[0]}" for row in unknown)
    return _all(f"code MIT; a licence for each data set{asked}", missing if rows else ["table"])


def citation() -> Finding:
    """CITATION.cff has what a citation needs, the article included."""
    text = (paths.ROOT / "CITATION.cff").read_text(encoding="utf-8")
    keys = ("cff-version", "title", "authors", "version", "date-released", "license", "references")
    return _all(
        "CITATION.cff, the article included", [k for k in keys if f"\n{k}:" not in f"\n{text}"]
    )


def hardware() -> Finding:
    """Processor, cores, system, and how long each step took."""

    def holds(run: Run) -> bool:
        environment, durations = run.manifest["environment"], run.manifest["durations"]
        machine = all(environment.get(name) for name in ("cpu", "cores", "platform"))
        return machine and all(durations.get(name) is not None for name in DURATIONS)

    return _of_runs("processor, cores, system, seconds of each step", holds)


def versions() -> Finding:
    """Versions and locks; the locks are those of this commit."""
    locks = {name: sha256_file(paths.REQUIREMENTS / name) for name in ("train.lock", "serve.lock")}
    return _of_runs(
        "versions, and the locks of this commit",
        lambda run: (
            run.manifest["environment"].get("tensorflow")
            and run.manifest["inputs"]["locks"] == locks
        ),
    )


def cost() -> Finding:
    return _of_runs("cost in USD", lambda run: run.manifest["cost"])


def results_table() -> Finding:
    """The READMEs show the table of the committed report, and it is what the files give."""
    content = _on_the_corpus()
    if not content:
        return False, "results/knbc/report.json is not there"
    stale = [
        paths.relative(readme.file(language))
        for language in LANGUAGES
        if readme.section(content, language)
        not in readme.file(language).read_text(encoding="utf-8")
    ]
    return _all("README.md and README.ja.md: the table of results/knbc", stale)


def _on_the_corpus() -> dict[str, Any]:
    """The committed report on the KNB corpus; empty where there is none."""
    found: Any = recorded.read_json(reference.folder(matrix.DATASET) / "report.json")
    return found or {}


def on_the_published_corpus() -> Finding:
    """Every published model that can be had was run on the KNB corpus; the others are counted."""
    content = _on_the_corpus()
    if not content:
        return False, "results/knbc/report.json is not there"
    rows = content["matrix"]["rows"]
    able = [row for row in rows if row["command"]]
    missing = [row["id"] for row in able if not row["runs"]]
    found = f"{len(able) - len(missing)} of {len(rows)} published models"
    lost = f"; {len(rows) - len(able)} cannot be run, their weights are no longer published"
    without = f"; no runs yet: {', '.join(missing)}" if missing else ""
    return not missing, found + lost + without


def on_aws() -> Finding:
    """The committed comparison with a cloud endpoint was made with AWS, not with the emulator."""
    path = reference.folder() / "cloud" / "parity.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    places = found.get("runtimes", [])
    if "aws" in places:
        return True, "the same answers from SageMaker"
    return False, "run against the emulator only: no AWS account was used for this report"


def several_splits() -> Finding:
    """The runs of a version on the corpus were made with more than one split."""
    splits: dict[str, set[int]] = {}
    for run in recorded.read(reference.folder(matrix.DATASET) / paths.RUNS.name):
        splits.setdefault(run.version, set()).add(run.split_seed)
    most = max(map(len, splits.values()), default=0)
    if most < 2:
        return False, "one split (SPLIT_SEED=1): ± is the spread of training alone"
    few = sorted(version for version, seeds in splits.items() if len(seeds) < 2)
    but = f"; on one alone: {', '.join(few)}" if few else ""
    return True, f"results/knbc: up to {most} splits of a version, a seed each{but}"


def trained_weights() -> Finding:
    """A trained model can be had without training."""
    found = [path.name for path in paths.RESULTS.rglob("model.tar.gz")]
    if found:
        return True, f"{len(found)} packages in results/"
    return False, "no weights in the repository: training takes under a minute"


def commands() -> Finding:
    """Training, evaluation and the whole have a command each, with help."""
    needed = ("local-train", "evaluate", "reproduce", "reproduce-check", "report", "compare")
    return _all("a make target for each step", [name for name in needed if not target(name)])


def target(name: str) -> bool:
    """Whether the Makefile has the target, with a line of help."""
    makefile = (paths.ROOT / "Makefile").read_text(encoding="utf-8")
    return bool(re.search(rf"^{re.escape(name)}:.*## ", makefile, re.M))


def sample_counts() -> Finding:
    """Labels and sentences as data/README.md says."""
    with sample.SENTENCES.open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    told = (paths.DATA / "README.md").read_text(encoding="utf-8")
    count = f"{len(rows):,}"
    missing = [] if count in told else [f"data/README.md says nothing of {count} sentences"]
    return _all(f"data/README.md says {count} sentences, as there are", missing)
