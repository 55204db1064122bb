"""Whether build/model.tar.gz is what the user means: the check before everything that needs it.

It is to be of the latest job, of the data set that build/data holds, and of what was given to make
(DATASET=, VERSION=, SEED=, hyperparameters). A package that is only older than the latest job is
packed again; everything else is refused in one line. STALE=ok takes what is there.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from train2deploy import (
    console,
    datasets,
    given_channels,
    manifest,
    model_path,
    package,
    package_code,
    paths,
    stack,
    versions,
)
from train2deploy.console import assignments
from train2deploy.datasets import channels
from train2deploy.errors import UserError
from train2deploy.make.variables import VARIABLES

VARIABLE = "STALE"
OK = "ok"


@dataclass(frozen=True)
class Wish:
    """What stands on make's command line."""

    # the variables of data and training, by name
    given: Mapping[str, str] = field(default_factory=dict)
    insist: bool = False  # what is wrong is said, and nothing is done about it

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> "Wish":
        """Of the options that `add_options` adds."""
        return cls(dict(word.split("=", 1) for word in arguments.given), arguments.stale == OK)

    def refuse(self, said: str) -> None:
        """Raises UserError with what is wrong, if anything is; says it where the user insists."""
        if said and not self.insist:
            raise UserError(f"{said} {VARIABLE}={OK} continues all the same.")
        if said:
            console.note(f"train2deploy: {said}")


def add_options(parser: argparse.ArgumentParser) -> None:
    """--given and --stale, which `Wish.of` reads."""
    parser.add_argument("--given", action="append", default=[], metavar="NAME=VALUE")
    VARIABLES[VARIABLE].add_to(parser)


def ensure_current(wish: Wish, scored: bool = False) -> None:
    """Packs build/model.tar.gz again where what it was packed from has changed.

    Nothing is said of an archive that `make package` has not made: it is somebody's own.

    Args:
        scored: it is going to be scored on build/data/test.

    Raises:
        UserError: it is not what was asked for, and packing again would not help.
    """
    archive = paths.MODEL_ARCHIVE
    if not archive.exists():
        return  # whoever needs it says so
    made_of, what = package.made_of(archive), paths.relative(archive)
    stack.check(made_of if "job" in made_of else {}, what)
    again = outdated()
    if again and (wish.insist or not _is_packable(paths.LATEST_JOB)):
        wish.refuse(f"{again} Run `make local-train package`.")
        again = ""
    if again and "model" not in made_of:  # what it is going to be
        record = manifest.read(paths.LATEST_JOB / "manifest.json") or {}
        name, version = paths.LATEST_JOB.resolve().name, record.get("inputs", {}).get("version")
        made_of |= {"job": name, "version": version, "data": record.get("data", {})}
        what = f"the latest job, {name},"
    _check(wish, made_of, what, scored)
    if again:
        console.say(f"{again} It is packed again.")
        _pack_again(package.made_of(archive))


def _check(wish: Wish, made_of: Mapping[str, Any], what: str, scored: bool) -> None:
    """Raises UserError where a package is not of the data that is there, or of what was given."""
    trained = made_of.get("data")
    found = channels.facts(paths.DATASET) if (paths.DATASET / "train").is_dir() else None
    if trained and found:
        version = str(made_of.get("version", ""))
        wish.refuse(_other_data(trained, found, scored, version, what))
    wish.refuse(differs(wish, made_of, what))
    if trained or not scored:
        return
    job = manifest.read(paths.JOBS / str(made_of.get("job")) / "manifest.json") or {}
    if read := job.get("inputs", {}).get("channels"):
        wish.refuse(
            f"{what} is of job {made_of['job']}, whose channels ({', '.join(read)}) are no data set"
            " of features.csv and labels.csv: no test rows of it are known."
        )
    if found:
        console.say(
            f"{what} does not tell what it was trained on: whether the test sentences were held out"
            " from it is not known."
        )
        wish.refuse(differs(wish, {"data": found}, paths.relative(paths.DATASET), "data"))


def outdated() -> str:
    """What is to be said of build/model.tar.gz where what it was packed from has changed; else "".

    That is the latest job, or what MODEL= and CODE= named.
    """
    archive, latest = paths.MODEL_ARCHIVE, paths.LATEST_JOB
    inputs = package.made_of(archive)
    for name, digest in (("model", "given_sha256"), ("code", "code_sha256")):
        place = paths.ROOT / str(inputs.get(name, ""))
        if name in inputs and place.exists() and package.sha256(place) != inputs[digest]:
            what = f"{name.upper()}={inputs[name]}"
            return f"{paths.relative(archive)} was packed from {what}, which has changed since."
    done = all((latest / name).exists() for name in model_path.RESULTS)
    if "model" in inputs or "job" not in inputs or not done:
        return ""
    if not package.results(latest).items() <= inputs.items():
        return (
            f"{paths.relative(archive)} holds job {inputs['job']}, which is older than the latest"
            f" job, {latest.resolve().name}."
        )
    now = package_code.ours_sha256()
    if inputs.get("our_code_sha256", now) != now:
        where = paths.relative(paths.PREDICT_CODE)
        return f"{paths.relative(archive)} was packed with {where} as it was before."
    return ""


def _pack_again(inputs: Mapping[str, Any]) -> None:
    """Packs what is newer as `make package` packed what is there."""
    code = paths.ROOT / inputs["code"] if "code" in inputs else None
    asked = package_code.Asked(code, inputs.get("include"), inputs["dependencies"])
    source = paths.ROOT / inputs["model"] if "model" in inputs else paths.LATEST_JOB
    package.package(source, asked, paths.MODEL_ARCHIVE)


def check_job(wish: Wish, job: Path) -> None:
    """Raises UserError where the job that is to be packed is not of what was given to make."""
    record = manifest.read(job / "manifest.json") or {}
    wish.refuse(differs(wish, record, f"the latest job, {job.resolve().name},"))


def _is_packable(job: Path) -> bool:
    record = manifest.read(job / "manifest.json") or {}
    version = record.get("inputs", {}).get("version")
    return version is None or not versions.is_published(version)


def differs(
    wish: Wish, made_of: Mapping[str, Any], what: str, targets: str = "local-train package"
) -> str:
    """What is to be said where something is not of what was given to make; else "".

    Args:
        made_of: the inputs of a package's manifest, or the whole manifest of a job.
        what: it is called this.
        targets: what makes it as it is asked for.
    """
    known = _facts(made_of)
    other = {
        name: known[name]
        for name, value in wish.given.items()
        if name in known and not _same(name, value, known[name])
    }
    if not other:
        return ""
    wanted = {name: wish.given[name] for name in other}
    found = {name: value for name, value in other.items() if name in wanted}
    version = "" if "SCRIPT" in wanted else str(known.get("VERSION", ""))
    usual = _usual(made_of.get("data", {}), version) if "VERSION" in known else {}
    command = f"make {targets} {assignments({**usual, **wanted})}"
    return f"{assignments(wanted)}: {what} is of {assignments(found)}. Run `{command}` first."


def _usual(data: Mapping[str, Any], version: str) -> dict[str, object]:
    """What to give to make for a data set and a version, as far as it is not the default."""
    found: dict[str, object] = {}
    if "dataset" in data:
        found["DATASET"] = data.get("place", data["dataset"])
    if version in {one.name for one in versions.known()} - {"v1"}:
        found["VERSION"] = version
    if data.get("seed", 1) != 1:
        found["SEED"] = data["seed"]
    if data.get("split", "random") != "random":
        found["SPLIT"] = data["split"]
    return found | ({"TOKENS": data["tokens"]} if "tokens" in data else {})


def _facts(made_of: Mapping[str, Any]) -> dict[str, object]:
    """By make's variable: what a package or a job was made of, as far as that is known."""
    job = manifest.read(paths.JOBS / str(made_of.get("job")) / "manifest.json") or made_of
    data = made_of.get("data", {})
    inputs = job.get("inputs", {})
    asked = inputs.get("hyperparameters", {})
    used = job.get("metrics", {}).get("hyperparameters") or {}
    return {
        **{name.upper().replace("-", "_"): value for name, value in {**used, **asked}.items()},
        **(dict.fromkeys(("VERSION", "SCRIPT"), inputs["version"]) if "version" in inputs else {}),
        **{name.upper(): data[name] for name in ("dataset", "split", "tokens") if name in data},
        **({"SPLIT_SEED": data["seed"]} if "seed" in data else {}),
        **({"CHANNELS": job["given_channels"]} if "given_channels" in job else {}),
    }


def _same(name: str, given: str, found: object) -> bool:
    """Whether a text on make's command line means a recorded value; an empty one asks for nothing.

    >>> _same("EPOCHS", "3", 3), _same("DROPOUT", ".10", 0.1), _same("VERSION", "v1", "v2")
    (True, True, False)
    """
    if not given:
        return True
    if name in ("SCRIPT", "VERSION") and given != found:
        return versions.find(given).name == found
    if name == "CHANNELS":
        return given_channels.shown(given_channels.parse(given)) == found
    if name == "DATASET":
        return datasets.name_of(given) == found
    if isinstance(found, bool):
        return given.lower() in (("1", "true") if found else ("0", "false"))
    if isinstance(found, (int, float)):
        try:
            return float(given) == found
        except ValueError:
            return False
    return given == str(found)


def _other_data(
    trained: Mapping[str, Any], found: Mapping[str, Any], scored: bool, version: str, what: str
) -> str:
    """What is to be said where build/data is not what the package was trained on; else "".

    Another draw of the same data set matters to what is scored alone.
    """
    drawn = ("seed", "split", "tokens")
    is_another_draw = trained.get("dataset") == found.get("dataset") and any(
        trained.get(name) != found.get(name) for name in drawn
    )
    if trained["train_sha256"] == found["train_sha256"] or (is_another_draw and not scored):
        return ""
    why = ": its test sentences were not held out from this model" if is_another_draw else ""
    return (
        f"{what} was trained on {channels.named(trained)}, but"
        f" {paths.relative(paths.DATASET)} holds {channels.named(found)}{why}. Train on it"
        f" (`make local-train package {asked(found, version)}`), or make the other one again"
        f" (`make data {asked(trained)}`)."
    )


def asked(data: Mapping[str, Any], version: str = "") -> str:
    """What to give to make for a data set.

    >>> asked({"dataset": "sample", "seed": 2, "split": "random"}, "v2")
    'DATASET=sample VERSION=v2 SEED=2'
    """
    return assignments(_usual(data, version))


def check_inputs(wish: Wish) -> None:
    """Raises UserError where build/data and build/vectors are not what is to be trained on."""
    record = manifest.read(paths.VECTORS / "manifest.json") or {}
    found = channels.facts(paths.DATASET)
    wish.refuse(differs(wish, {"data": found}, paths.relative(paths.DATASET), "data vectors"))
    if said := vectors_differ(record, found):
        wish.refuse(f"{said} Run `make vectors {asked(found)}`.")


def vectors_differ(record: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """What is to be said of vectors that were learnt from other sentences; else "".

    Args:
        record: their manifest.
        data: `channels.facts` of the data set that they are to go with.
    """
    learnt = record.get("learnt_from", {})
    if learnt.get("train_sha256", data["train_sha256"]) == data["train_sha256"]:
        return ""
    return (
        f"{paths.relative(paths.VECTORS)} was learnt from {channels.named(learnt)}, but"
        f" {paths.relative(paths.DATASET)} holds {channels.named(data)}."
    )
