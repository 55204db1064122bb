"""What each target of make takes and needs, and the command that it stands for."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from train2deploy import hyperparameters, pythons, stack, versions
from train2deploy.make.variables import ASKED, CLOUD, SERVING, VARIABLES, Values

HOST, CLOUD_TOOL, EMULATOR = "host", "cloud", "emulator"
NOTEBOOK, BARE = "notebook", "bare"
"""Programs: the host tool, its cloud half, the account on this machine; one of the notebooks'
environment; what needs no environment."""
DATA_SET = "DATASET CHANNELS SPLIT SPLIT_SEED TITLES CLEAN KNBC TOKENS"
VECTORS = "VOCABULARY CORPUS TOKENIZER"
MODEL = "VERSION SCRIPT SEED HP"
GIVEN = "DATASET CHANNELS SPLIT SPLIT_SEED TOKENS VERSION SCRIPT SEED"
"""What a package is held against before it is served, scored or deployed: see staleness.py."""
IMAGES = "IMAGE MODEL_SERVER OFFICIAL_SERVING_IMAGE MEMORY"
COST = "CLOUD YES MAX_USD"
SCALED = "MIN MAX TARGET COOLDOWN SCHEDULE TIMEZONE RPM OFF"
ENDPOINT = "MERGE"
COMMON = {"PYTHON", "PYTHON36", "PYTHON312", "STACK", "RUNTIME", "VERBOSE"}
TRAIN_ENVIRONMENT, SERVE_ENVIRONMENT = "@train", "@serve"
"""Needs that hang on the runtime: environments, or images."""
INPUTS, JOB, PACKED, SERVED, SIDES = "@inputs", "@job", "@packed", "@served", "@sides"
PLAYED, WORDS, PEERS, SCORED, DEPLOYED = "@played", "@words", "@peers", "@scored", "@deployed"
TODAYS = "@todays"  # needs that hang on variables: see plan.py
MAY_NEED = {
    TRAIN_ENVIRONMENT: (IMAGES, ()),
    SERVE_ENVIRONMENT: (IMAGES, ()),
    INPUTS: ("CHANNELS", ("data", "vectors")),
    JOB: ("MODEL", ("local-train",)),
    PACKED: ("MODEL CODE INCLUDE", ("package",)),
    SERVED: ("MODEL_DIR MODEL CODE INCLUDE", ("package",)),
    SCORED: (f"{IMAGES} MODEL CODE INCLUDE", ("package",)),
    DEPLOYED: ("B MODEL CODE INCLUDE", ("package",)),
    PLAYED: (f"A B PORT {IMAGES} MODEL CODE INCLUDE", ("package",)),
    SIDES: (f"A B {IMAGES} MODEL CODE REQUEST", ("data", "vectors", "package")),
}
"""Of each: the variables that it reads, and the targets that it may be."""
FILES = {
    "build/data/manifest.json": "data",
    "build/vectors/manifest.json": "vectors",
    "build/jobs/latest/model.tar.gz": "local-train",
    "build/model.tar.gz": "package",
}
"""For those who take what is there, whatever its seed: the target that makes what is missing."""


@dataclass(frozen=True)
class Target:
    """One that the tool is called for."""

    takes: str = ""  # the variables that it knows
    # what is there before it runs: targets, files that a target makes, environments
    # (`.stamps/…`), and those that hang on something
    needs: Sequence[str] = ()
    # its words after the program's own options; None: its needs are all of it, or the
    # Makefile has its recipe
    command: Callable[[Values], list[str]] | None = None
    program: str = HOST  # what runs it
    trains: bool = False  # it knows the hyperparameters of a model
    then: Callable[[Values], str] = lambda _: ""  # the target that follows it


def _training(values: Values) -> list[str]:
    """A model and what is given for it; the values are in the environment."""
    given = " ".join(values.hyperparameters)
    return [*_model(values), "--variables", given, "--defaults", values["DATASET"]]


def _model(values: Values) -> list[str]:
    return ["--model-version", values.model]


def _seeded(values: Values) -> list[str]:
    return [*_training(values), "--seed", values["SEED"]]


def _data(values: Values) -> list[str]:
    seed = values["SPLIT_SEED"] or values["SEED"]
    options = values.options("CHANNELS SPLIT TITLES CLEAN KNBC TOKENS")
    return ["data", *options, "--seed", seed, *_model(values), "--", values["DATASET"]]


def _vectors(values: Values) -> list[str]:
    options = values.options(f"{VECTORS} KNBC")
    return ["vectors", *options, *_model(values), "--", values["VECTORS"]]


def _serve(values: Values) -> list[str]:
    words = ["serve", *values.options("PORT MODEL_DIR DETACH"), *values.settings("--set", SERVING)]
    return words + (["--no-dev"] if values["DEV"] == "0" else [])


def _playground(values: Values) -> list[str]:
    words = ["playground", *values.options("PORT_UI", given="PORT A B")]
    if in_account(values):
        return [*words, *values.options("ENDPOINT")]
    return [*words, *values.settings("--set", SERVING)]


def starts_its_own(values: Values) -> list[str]:
    """What the playground is to have ready for the endpoints that it starts."""
    asks_another = values.given.get("PORT", "0") != "0"
    needs = [] if asks_another and "B" not in values.given else [SERVE_ENVIRONMENT]
    return [*needs, TOOL, *([] if asks_another or "A" in values.given else [PACKED])]


def in_account(values: Values) -> bool:
    """Whether the playground asks the deployed endpoint."""
    return values["ENDPOINT"] != "local"


def _invoke(values: Values) -> list[str]:
    return ["invoke", *values.options(f"JSON PORT {ASKED}"), "--", values["Q"]]


def _rehearse(values: Values) -> list[str]:
    """Of your own data, it asks a test sentence of these unless Q is given."""
    return ["rehearse", *([] if "Q" in values else ["--of-data"]), "--", values["Q"]]


def _bench(values: Values) -> list[str]:
    options = f"QUICK ROUNDS SECONDS CLIENTS AGAINST ARTICLE_WORDS PEERS TUNE {ASKED}"
    return ["bench", *values.options(options), *values.settings("--set", SERVING)]


def _reproduce(values: Values) -> list[str]:
    draws = values.options("SPLITS", given="SEEDS SPLIT_SEED")
    if not values["SPLITS"]:
        draws = values.options("SEEDS", given="SPLIT_SEED")
    data = values.options(f"DATASET SPLIT TITLES CLEAN KNBC VECTORS {VECTORS} TOKENS JOBS")
    return ["reproduce", *draws, *_training(values), *data]


def _reproduce_check(values: Values) -> list[str]:
    given = {"EPOCHS": values.given.get("EPOCHS", "2")}
    given |= {name: values[name] for name in ("PYTHON", "PYTHON36", "PYTHON312", "STACK")}
    words = [f"--variable={name}={value}" for name, value in given.items()]
    chosen = [values["VERSION"]] if "VERSION" in values.given else ["v1", "v2"]
    return ["reproduce-check", *words, *chosen]


def _job(name: str) -> Callable[[Values], list[str]]:
    return lambda values: [name, *_seeded(values), *values.options("CHANNELS REPRO FRESH")]


def _parity(values: Values) -> list[str]:
    words = ["parity", *values.options(ASKED)]
    if not with_cloud(values):
        words += ["--package"] if as_it_is(values) else _seeded(values)
    return [*words, "--", values["A"], values["B"]]


def with_cloud(values: Values) -> bool:
    return "cloud" in (values["A"], values["B"])


def as_it_is(values: Values) -> bool:
    """A model or a request that is given is asked of the package, and nothing is trained."""
    return stack.are_contracts(values["A"], values["B"]) or any(
        values[name] for name in ("MODEL", "CODE", "REQUEST")
    )


def _notebook(values: Values) -> list[str]:
    words = ["jupyterlab", "--ServerApp.root_dir=notebooks"]
    words.append(f"--LabApp.default_url=/lab/tree/article.{values['LANG_REPORT']}.ipynb")
    # It would ask another host for newer versions, and root to be sure.
    never = "jupyterlab.handlers.announcements.NeverCheckForUpdate"
    words.append(f"--LabApp.check_for_updates_class={never}")
    return [*words, *(["--allow-root"] if os.geteuid() == 0 else [])]


def _plain(name: str, options: str = "", given: str = "") -> Callable[[Values], list[str]]:
    return lambda values: [name, *values.options(options, given)]


TOOL, CLOUD_ENVIRONMENT, SDK_ENVIRONMENT = ".stamps/host", ".stamps/cloud", ".stamps/sdk"
TRAIN_HERE, SERVE_HERE = ".stamps/train", (".stamps/serve", ".stamps/handler")
TRAINED = f"{DATA_SET} {MODEL} CHANNELS REPRO"
ON_HOST: dict[str, Target] = {
    "setup": Target(IMAGES, (TOOL, TRAIN_ENVIRONMENT, SERVE_ENVIRONMENT)),
    "variables": Target(program=BARE, command=lambda _: ["variables"]),
    "clean": Target(program=BARE, command=lambda _: ["clean"]),
    "doctor": Target(program=BARE, command=lambda _: ["doctor"]),
    "status": Target("", (TOOL,), _plain("status")),
    "data": Target(f"{DATA_SET} VERSION SCRIPT SEED", (TOOL, WORDS), _data),
    "vectors": Target(
        f"VECTORS {VECTORS} KNBC VERSION SCRIPT", (TRAIN_ENVIRONMENT, "data"), _vectors
    ),
    "local-train": Target(
        TRAINED,
        (TRAIN_ENVIRONMENT, INPUTS),
        lambda values: ["train", *_seeded(values), *values.options("CHANNELS REPRO")],
        trains=True,
    ),
    "package": Target(
        "MODEL CODE INCLUDE DEPS", (JOB, TOOL), _plain("package", "MODEL CODE INCLUDE DEPS")
    ),
    "local-serve": Target(
        f"PORT MODEL_DIR DETACH DEV STALE {ENDPOINT} {SERVING}",
        (SERVE_ENVIRONMENT, TOOL, SERVED),
        _serve,
    ),
    "playground": Target(
        f"PORT_UI ENDPOINT STALE {ENDPOINT} {SERVING} {CLOUD}", (PLAYED,), _playground
    ),
    "local-stop": Target("", (TOOL,), _plain("stop")),
    "invoke": Target(f"Q JSON PORT {ASKED}", (TOOL,), _invoke),
    "verify": Target(
        f"{ASKED} STALE {ENDPOINT}", (SERVE_ENVIRONMENT, TOOL, PACKED), _plain("verify", ASKED)
    ),
    "evaluate": Target(
        f"CAPTURED STALE {ENDPOINT}", (TOOL, SCORED), _plain("evaluate", "CAPTURED")
    ),
    "dry-run": Target(f"Q STALE {ENDPOINT}", ("setup", "local-train", "package"), _rehearse),
    "bench": Target(
        "QUICK ROUNDS SECONDS CLIENTS AGAINST ARTICLE_WORDS PEERS TUNE STALE"
        f" {ASKED} {ENDPOINT} {SERVING}",
        (TRAIN_HERE, *SERVE_HERE, TOOL, PACKED, PEERS),
        _bench,
    ),
    "soak": Target(
        f"SECONDS STALE {ENDPOINT}", (*SERVE_HERE, TOOL, PACKED), _plain("soak", "SECONDS")
    ),
    "reproduce": Target(
        f"SEEDS SPLITS JOBS REPORT {DATA_SET} VECTORS {VECTORS} {MODEL} {ENDPOINT}",
        (TRAIN_ENVIRONMENT, SERVE_ENVIRONMENT, TOOL, WORDS),
        _reproduce,
        trains=True,
        then=lambda values: "" if values["REPORT"] == "0" else "report",
    ),
    "runs": Target(
        "DATASET VERSION WHERE SORT JSON",
        (TOOL,),
        _plain("runs", "WHERE SORT JSON", given="DATASET VERSION"),
    ),
    "compare": Target(
        "A B DATASET LANG_REPORT", (TOOL,), _plain("compare", "LANG_REPORT", given="A B DATASET")
    ),
    "reproduce-check": Target("VERSION EPOCHS", (TOOL,), _reproduce_check),
    "report": Target(
        "DATASET LANG_REPORT RUNS", (TOOL,), _plain("report", "DATASET LANG_REPORT RUNS")
    ),
    "reference": Target(
        "DATASET SEEDS KEEP RUNS",
        (TOOL,),
        _plain("reference", "DATASET SEEDS KEEP RUNS"),
        then=lambda _: "checklist",
    ),
    "published-check": Target(
        "KNBC LANG_REPORT TOKENIZER",
        (TRAIN_ENVIRONMENT, TOOL, ".stamps/words"),
        _plain("published-check", "LANG_REPORT KNBC TOKENIZER"),
    ),
    "checklist": Target("", (TOOL,), _plain("checklist")),
    "images": Target(IMAGES, (TOOL,), _plain("images", "OFFICIAL_SERVING_IMAGE")),
    "parity": Target(
        f"A B {ASKED} {TRAINED} STALE {COST} {CLOUD} {ENDPOINT}",
        (TOOL, SIDES),
        _parity,
        trains=True,
    ),
    "upgrade-check": Target(
        "PACKAGE REQUESTS ALLOW CONTRACTS STALE",
        (SERVE_ENVIRONMENT, TODAYS, TOOL, SERVED),
        _plain("upgrade-check", "PACKAGE MODEL_DIR REQUESTS ALLOW CONTRACTS"),
    ),
}
TRAINING = f"{TRAINED} FRESH {COST} {CLOUD}"
FROM_INPUTS = (CLOUD_ENVIRONMENT, TRAIN_HERE, INPUTS)
NOTEBOOK_NEEDS = (".stamps/notebook", TRAIN_HERE, *SERVE_HERE)


def _cloud(takes: str, command: Callable[[Values], list[str]], needs: Sequence[str] = ()) -> Target:
    trains = needs == FROM_INPUTS
    needs = needs or (CLOUD_ENVIRONMENT,)
    return Target(f"{COST} {CLOUD} {takes}", needs, command, CLOUD_TOOL, trains)


IN_CLOUD: dict[str, Target] = {
    "emulator": Target(
        f"DETACH FAULTS LIMITS EMULATOR_PORT FRESH {ENDPOINT}",
        (CLOUD_ENVIRONMENT, TRAIN_ENVIRONMENT, SERVE_ENVIRONMENT),
        lambda values: values.options("EMULATOR_PORT DETACH FAULTS LIMITS FRESH"),
        EMULATOR,
    ),
    "emulator-stop": Target("", (CLOUD_ENVIRONMENT,), lambda _: ["--stop"], EMULATOR),
    "cloud-plan": _cloud(TRAINING, _job("plan"), FROM_INPUTS),
    "cloud-train": _cloud(TRAINING, _job("train"), FROM_INPUTS),
    "cloud-tune": _cloud(TRAINING, _job("tune"), FROM_INPUTS),
    "tune": _cloud(TRAINING, _job("search"), FROM_INPUTS),
    "cloud-deploy": _cloud(
        f"{ASKED} STALE ROLLOUT BAKE WEIGHT SHADOW CAPTURE EXPIRES",
        _plain("deploy", f"{ASKED} ROLLOUT BAKE WEIGHT SHADOW CAPTURE EXPIRES", given="B"),
        (CLOUD_ENVIRONMENT, DEPLOYED),
    ),
    "cloud-compare": _cloud("INPUT", _plain("compare", "INPUT")),
    "cloud-promote": _cloud("VARIANT", _plain("promote", "VARIANT")),
    "cloud-captured": _cloud("", _plain("captured")),
    "cloud-expire": _cloud("", _plain("expire")),
    "cloud-invoke": _cloud(
        f"Q JSON {ASKED}",
        lambda values: ["invoke", *values.options(f"JSON {ASKED}"), "--", values["Q"]],
    ),
    "cloud-batch": _cloud(
        f"{ASKED} STALE INPUT",
        lambda values: ["batch", *values.options(ASKED), "--", values["INPUT"]],
        (CLOUD_ENVIRONMENT, PACKED),
    ),
    "cloud-scale": _cloud(SCALED, _plain("scale", SCALED)),
    "cloud-load": _cloud(
        f"Q CLIENTS SECONDS PAUSE {ASKED}",
        lambda values: [
            "load",
            *values.options(f"CLIENTS SECONDS PAUSE {ASKED}"),
            "--",
            values["Q"],
        ],
    ),
    "cloud-policy": _cloud("", _plain("policy")),
    "cloud-status": _cloud("FOLLOW", _plain("status", "FOLLOW")),
    "cloud-metrics": _cloud("MINUTES", _plain("metrics", "MINUTES")),
    "cloud-delete": _cloud("DATA", _plain("delete", "DATA")),
    "notebook": Target(
        "LANG_REPORT",
        (*NOTEBOOK_NEEDS, "build/data/manifest.json", "build/vectors/manifest.json"),
        _notebook,
        NOTEBOOK,
    ),
    "notebooks": Target(
        "", (*NOTEBOOK_NEEDS, "data", "vectors"), lambda _: ["train2deploy.notebooks"], NOTEBOOK
    ),
}
BY_MAKE: dict[str, Target] = {
    **dict.fromkeys(("help", "lint", "coverage", "test-unit", "test-integration"), Target()),
    **dict.fromkeys(("test-emulator", "test-e2e", "test-docker", "test-today"), Target()),
    "test": Target("WITH"),
    "test-contract": Target("BASE_URL"),
    "lock": Target("PYTHON_FOR_SDISTS"),
}
"""Those whose recipe is in the Makefile."""
TARGETS = {**ON_HOST, **IN_CLOUD, **BY_MAKE}


def known(goals: Iterable[str]) -> tuple[set[str], set[str]]:
    """The variables that goals know, and the targets that may be made for them."""
    names, targets = set(COMMON), set()
    waiting = list(goals)
    while waiting:
        need = waiting.pop()
        takes, further = MAY_NEED.get(need, ("", ()))
        names |= set(takes.split())
        waiting += further
        if need not in TARGETS or need in targets:
            continue
        targets.add(need)
        target = TARGETS[need]
        names |= set(target.takes.split())
        if target.trains:
            names |= set(GIVEN.split())
        then = target.then(Values({}, {}))
        waiting += [*target.needs, *([then] if then else [])]
    return names, targets


def trains(targets: Iterable[str]) -> bool:
    """Whether hyperparameters are known to any of these."""
    return any(TARGETS[name].trains for name in targets)


def python_of(stamp: str) -> str:
    """The CPython of an environment, where that is not the host tool's; else ""."""
    if stamp.endswith("-today"):
        return pythons.TODAYS
    return pythons.ARTICLES if stamp in (TRAIN_HERE, *SERVE_HERE, ".stamps/peers") else ""


def hyperparameters_given(values: Values, goals: Sequence[str]) -> list[str]:
    """Of what is given, the names that are hyperparameters, and HP."""
    names, targets = known(goals)
    if not trains(targets):
        return []
    names &= VARIABLES.keys()  # what a target reads of EPOCHS is not the model's
    own = {one.variable for one in versions.declared(values.model).hyperparameters.values()}
    chosen = [name for name in values.given if name not in names and name in own]
    return chosen + ([hyperparameters.HP] if values["HP"] else [])
