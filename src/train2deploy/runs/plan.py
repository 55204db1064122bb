"""What `make reproduce` is asked for, and which run each seed of it is."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train2deploy import (
    datasets,
    hyperparameters,
    job_source,
    jobs,
    manifest,
    package_code,
    paths,
    stack,
    versions,
)
from train2deploy.datasets import channels, words
from train2deploy.hashing import sha256_file, sha256_files, sha256_tree, sha256_value
from train2deploy.runtimes import Runtime
from train2deploy.vectors import channel, own_text

VECTOR_SEED = 1


@dataclass(frozen=True)
class Plan:
    """Trainings that differ in their seed, and maybe in the split of the data set."""

    dataset: str
    version: str
    # for each run its seed, and the seed that shuffles and splits the data set. Where the
    # second is the same for all, every run is scored on the same sentences and the spread is
    # that of training; else it is that of training and split.
    draws: tuple[tuple[int, int], ...]
    # what is given, without the seed; the script has defaults for the others
    hyperparameters: dict[str, object]
    split: str = "random"  # what SPLIT= may be
    titles: bool = True
    clean: bool = False
    knbc: Path | None = None  # where the KNB corpus is, if not in data/raw
    # a kind of vectors.channel; "": what suits the version and the data. For `corpus`,
    # `corpus` is the text to learn from.
    vectors: str = ""
    corpus: Path | None = None
    vocabulary_size: int | None = None  # None: what suits the kind of vectors
    tokenizer: str = ""  # "": the version's
    tokens: str = ""  # what cuts the sentences into words, see datasets.words; "" leaves them whole


@dataclass(frozen=True)
class Run:
    """One seed of a plan: a run to be made."""

    id: str
    seed: int
    version: str
    hyperparameters: dict[str, object]
    inputs: dict[str, Any]  # all that the result depends on, by sha256 where it is files
    channels: Path  # the directory that holds data/ and vectors/

    @property
    def workspace(self) -> Path:
        """Where it is made; nothing of it is left when the run is recorded."""
        return paths.REPRODUCTIONS / self.id

    @property
    def job(self) -> Path:
        """The finished training job; it appears by a rename."""
        return self.workspace / "job"

    @property
    def is_published(self) -> bool:
        """Whether it is of a published model, which is not packed."""
        return versions.is_published(self.version)

    @property
    def archive(self) -> Path:
        return self.workspace / paths.MODEL_ARCHIVE.name


def prepare(plan: Plan, split_seed: int, runtime: Runtime) -> tuple[Path, list[str]]:
    """Makes data/ and vectors/ of one split of the plan, outside of build/data.

    Returns:
        The directory that holds the two, and lines for the user.

    Raises:
        UserError: there is no such data set, version or kind of vectors.
    """
    versions.check_reads(plan.version, plan.tokens)
    dataset = datasets.load(plan.dataset, plan.titles, plan.clean, plan.knbc)
    names = ("dataset", "titles", "clean", "split", "vocabulary_size", "tokenizer", "tokens")
    options = {name: getattr(plan, name) for name in names} | {
        "split_seed": split_seed,
        "vectors": plan.vectors or f"of {plan.version}",
        "corpus": str(plan.corpus),
    }
    place = paths.REPRODUCTIONS / f"data-{sha256_value(options)[:8]}"
    place.mkdir(parents=True, exist_ok=True)
    data = place / paths.DATASET.name
    written = channels.write(dataset, split_seed, plan.split, data, words.find(plan.tokens))
    kind, said = (plan.vectors, "") if plan.vectors else own_text.choose(plan.version, data)
    tokenizer = plan.tokenizer or versions.tokenizer_of(plan.version, kind)
    given = (kind, plan.corpus, plan.vocabulary_size, VECTOR_SEED)
    built = channel.build(*given, runtime, place, tokenizer, plan.knbc)
    return place, [*dataset.notes, written, *filter(None, [said]), built]


def runs(plan: Plan, split_seed: int, place: Path) -> list[Run]:
    """The plan's runs on one split, by seed; `place` is what `prepare` made of it."""
    data = manifest.read(place / paths.DATASET.name / "manifest.json") or {}
    vectors = manifest.read(place / paths.VECTORS.name / "manifest.json") or {}
    shared = {
        "data": data["inputs"],
        "vectors": vectors["inputs"]["vectors"],
        "channels": {
            name: _channel_sha256(source) for name, source in jobs.channel_sources(place).items()
        },
        "sources": {"train": _training_sha256(plan.version)},
        "locks": {stack.lock("train").name: sha256_file(stack.lock("train"))},
        "repro": True,
        "version": recorded_version(plan.version),
        **stack.recorded(),
    }
    if not versions.is_published(plan.version):  # what is packed is scored by its endpoint
        shared["sources"]["endpoint"] = package_code.ours_sha256()
        shared["locks"][stack.lock("serve").name] = sha256_file(stack.lock("serve"))
    found = []
    for seed in (seed for seed, its_split in plan.draws if its_split == split_seed):
        chosen = hyperparameters.with_seed(plan.version, plan.hyperparameters, seed)
        # Of a script that takes no seed, too, a run for each is another run.
        inputs = {**shared, "hyperparameters": {**chosen, "seed": seed}}
        name = run_id(str(data["inputs"]["dataset"]), shared["version"], seed, inputs)
        found.append(Run(name, seed, plan.version, chosen, inputs, place))
    return found


def recorded_version(version: str) -> str:
    """What runs of a version are listed under: v1, and of today's stack v1-today."""
    return stack.environment(versions.find(version).name)


def run_id(dataset: str, version: str, seed: int, inputs: dict[str, Any]) -> str:
    """A run's name, and its directory's.

    >>> run_id("sample", "v1", 3, {"epochs": 20})
    'sample-v1-s3-93165ac3'
    """
    readable = re.sub(r"[^\w.]+", "_", dataset).strip("_.") or "data"
    return f"{readable}-{version}-s{seed}-{sha256_value(inputs)[:8]}"


def _channel_sha256(directory: Path) -> str:
    """Of what a job gets: a manifest names a commit and a Python, and stays behind."""
    files = (path for path in directory.rglob("*") if path.is_file())
    return sha256_files(directory, (path for path in files if path.name != "manifest.json"))


def _training_sha256(version: str) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        job_source.stage(version, Path(scratch, "source"))
        return sha256_tree(Path(scratch, "source"))
