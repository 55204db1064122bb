"""The variables of make: what each must be, its default, and what it is for."""

import argparse
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train2deploy import kinds
from train2deploy.kinds import Kind

PREFIX = "GIVEN_"
"""Before the name of a variable of make's command line, in the environment of what make starts."""
PASSED_ON = re.compile(
    r"(SAGEMAKER|HOSTING|AWS|PIP|TF|TRAIN2DEPLOY)_\w+|(HTTPS?|NO|ALL)_PROXY|[a-z]+_proxy"
    r"|MAKE\w*|SHELL|LANG|LC_\w+|TMPDIR|HOME|PATH|PYTHON\w*"
)
"""Variables of the programs that make starts, and of make itself."""


@dataclass(frozen=True)
class Variable:
    """One that may be given to make."""

    name: str
    kind: str = ""  # what it must be, as `kinds.parsed` reads it; "": any text
    default: str = ""
    # one of this name in the user's shell counts, too. Not for what acts at once (YES, DATA)
    # or is too common a name.
    shell: bool = True
    text: str = ""
    option: str = ""  # of the tool's command, where it is not the variable's own name

    @property
    def parsed(self) -> Kind | None:
        return kinds.parsed(self.kind) if self.kind else None

    @property
    def words(self) -> str:
        """What the tool's command calls it."""
        return f"--{self.option or self.name.lower().replace('_', '-')}"

    def add_to(self, command: argparse.ArgumentParser) -> None:
        """Adds the option of a command that takes it."""
        if self.kind == "1":
            command.add_argument(self.words, action="store_true", help=self.text)
        else:
            command.add_argument(self.words, type=self.read, default=self.default, help=self.text)

    def read(self, text: str) -> Any:
        """The value of a text, as a command takes it: None for a number or path that is not given.

        >>> Variable("PORT", "whole 0..65535").read("8080"), Variable("CODE", "path").read("")
        (8080, None)
        """
        kind = self.parsed or Kind()
        if not text:
            return None if kind.is_number or kind.type == kinds.PATH else ""
        if kind.type == kinds.PATH:
            return Path(text)  # who opens it says what is wrong with it
        try:
            return kind.value(text)
        except ValueError as error:
            said = f"{self.name}={text}: expected {error}."
            raise argparse.ArgumentTypeError(said) from None

    def options(self, value: str) -> list[str]:
        """The words that hand a value on.

        >>> Variable("PORT", "whole 0..65535").options("0"), Variable("CLEAN", "1").options("1")
        (['--port', '0'], ['--clean'])
        """
        if not value:
            return []
        if self.kind == "1":
            return [self.words]
        return [f"{self.words}={value}"] if value.startswith("-") else [self.words, value]


SERVING = (
    "BATCHING MAX_BATCH_SIZE BATCH_TIMEOUT_MICROS MAX_ENQUEUED_BATCHES NUM_BATCH_THREADS"
    " OMP_NUM_THREADS"
)
"""The keys of cloud.toml that `local-serve` takes, too."""
CLOUD = (
    "REGION ROLE BUCKET PREFIX PROJECT TRAIN_INSTANCE_TYPE TRAIN_INSTANCE_COUNT TRAIN_VOLUME_GB"
    " TRAIN_MAX_MINUTES TRAIN_SPOT ENDPOINT_NAME ENDPOINT_INSTANCE_TYPE ENDPOINT_INSTANCE_COUNT"
    " ENDPOINT_HOURS BATCH_INSTANCE_TYPE BATCH_INSTANCE_COUNT BATCH_MAX_MINUTES KMS_KEY SUBNETS"
    f" SECURITY_GROUPS TAGS PRICES {SERVING}"
)
"""The keys of cloud.toml, each of which may be given for once."""
ASKED = "REQUEST TYPE ACCEPT"  # what says a request, see requests.given
V = Variable
SEED = "whole 0..4294967295"
SECTIONS: dict[str, list[Variable]] = {
    "Of every target": [
        V("PYTHON", "", "python3", text="of the host tool, 3.10 or newer"),
        V("PYTHON36", text="of the TensorFlow 1.x side, where it is not found by itself"),
        V("PYTHON312", text="of today's containers, likewise"),
        V("STACK", "2019|today", "2019", text="today: TensorFlow 2.21 and 2.20, Keras 3, CPython"
          " 3.12. Default: today where there is no other way"),
        V("RUNTIME", text="host, or docker: in containers; sdk: local-train by the SDK's local"
          " mode. Default: docker where an engine has our images, or is the only way"),
        V("VERBOSE", "1", text="whole logs and tracebacks"),
    ],
    "Data": [
        V("DATASET", "", "sample", text="sample, knbc, or a directory with features.csv and"
          " labels.csv"),
        V("CHANNELS", shell=False, option="given-channels", text="of any content, for scripts that"
          " read them: 'train=dir1 images=dir2'. With train= they are all there is, but where that"
          " holds features.csv and labels.csv: then it is the DATASET"),
        V("SPLIT", "random|article|published|fold", "random", text="article: whole articles are"
          " held out; fold: a fifth of them (the seed, 1 to 5, says which); published: as many of"
          " each label as in the author's test set. knbc alone, but for random"),
        V("SPLIT_SEED", SEED, shell=False, text="shuffles and splits the data, instead of SEED"),
        V("TITLES", "keep|drop", "keep", text="knbc: the title sentences"),
        V("CLEAN", "1", text="knbc: without empty sentences and those that are a URL"),
        V("KNBC", "path", text="archive or folder of the corpus, in place of data/raw"),
        V("VECTORS", "chive|wikipedia|wikija|corpus|characters|random|encoder", text="corpus:"
          " learnt from CORPUS, else from the training sentences; characters: chiVe's of single"
          " ones; random: numbers instead. Default: chive, wikipedia for the published models,"
          " corpus for text of which most tokens have no chiVe vector"),
        V("CORPUS", "path", text="a text file"),
        V("VOCABULARY", "whole 1..", option="vocabulary-size", text="pieces of the tokenizer at"
          " most. Default: 12000; 64000 for VECTORS=encoder"),
        V("TOKENIZER", text="author: the 100,000 pieces of the article's author, default of the"
          " published models; or a SentencePiece model"),
        V("TOKENS", "janome|sudachi", text="cuts sentences into words, for the published models"
          " that read words"),
    ],
    "Models": [
        V("VERSION", "", "v1", option="model-version", text="src/train/train_<name>.py,"
          " models/<name>/train.py, or a published model of src/train/published, which is trained"
          " and scored, not packed"),
        V("SCRIPT", shell=False, option="model-version", text="the path of any training script; its"
          " folder goes along"),
        V("SEED", SEED, "1", text="shuffles and splits the data, and seeds the training"),
        V("HP", shell=False, text="'filters=64 name=x': hyperparameters as SageMaker passes them,"
          " to a script that declares none, too. Declared ones can be given by name: EPOCHS=3"),
        V("REPRO", "1", text="the same SEED gives the same bytes (one thread, slower)"),
        V("MODEL", shell=False, text="another model than the latest job's: a model.tar.gz, a"
          " SavedModel, a folder of its versions"),
        V("CODE", "path", shell=False, text="a folder with your inference.py, instead of ours"),
        V("INCLUDE", shell=False, text="what of the script's output goes along: 'labels.json"
          " vocab.txt'"),
        V("DEPS", "lib|requirements", option="dependencies", text="what the endpoint imports: in"
          " the archive, or installed at start. Default: lib for our code, yours as it is"),
        V("STALE", "ok", text="takes a package that is not of the latest job, of build/data or of"
          " what is given"),
    ],
    "The endpoint here": [
        V("PORT", "whole 0..65535", text="8080 where none is given; 0: a free one"),
        V("MODEL_DIR", "path", text="an unpacked model directory, instead of build/model.tar.gz"),
        V("DETACH", "1", text="in the background"),
        V("DEV", "0|1", "1", text="0: a broken inference.py is restarted for ever, as SageMaker"
          " does"),
        V("MERGE", "0|1", text="0: each request has a run of its own, as on AWS; else those that"
          " wait share one"),
        V("PORT_UI", "whole 0..65535", "8088", text="of the playground's page; 0: a free one"),
        V("ENDPOINT", "local|emulator|cloud", "local", shell=False, text="what the"
          " playground asks"),
        V("Q", "", "電波が悪い", text="the sentence to ask"),
        V("JSON", "1", text="the raw answer, and the request as sent on standard error"),
        V("REQUEST", "path", shell=False, text="a file to send"),
        V("TYPE", "type", shell=False, text="its content type (alone: Q is the body)"),
        V("ACCEPT", "type", shell=False, text="the content type that is wanted back"),
        V("PACKAGE", "path", shell=False, text="upgrade-check: any model.tar.gz or folder"),
        V("REQUESTS", "path", shell=False, text="upgrade-check: further requests, one on each line:"
          " a body in JSON, {\"body\": …, \"type\": …}, or a record of data capture"),
        V("ALLOW", shell=False, text="upgrade-check: kinds of difference that may be, with"
          " commas: digits, numbers, layout, body, status, error-status, errors, content-type,"
          " headers, log, start, lint"),
        V("CONTRACTS", "", "2019,head,today", shell=False, text="upgrade-check: containers; the"
          " first is what the others are compared with"),
    ],
    "Containers": [
        V("IMAGE", "own|aws", "own", text="aws: SageMaker's images"),
        V("MODEL_SERVER", "own|official", "own", text="in the serving image"),
        V("OFFICIAL_SERVING_IMAGE", option="official", text="where MODEL_SERVER=official is taken"
          " from: a mirror, or <image>@sha256:<digest>"),
        V("MEMORY", text="of a container, such as 2g"),
        V("A", "", "host", text="parity: a runtime, or a contract (2019, head, today); compare: a"
          " run; playground: a package"),
        V("B", "", "docker", text="the other one; cloud-deploy: a second package beside the first"),
    ],
    "Measurements": [
        V("QUICK", "1", text="one minute instead of five"),
        V("ROUNDS", "whole 1..", text="how often everything is measured"),
        V("CLIENTS", "whole 1.. …", text="numbers of clients, such as 1,8,32; cloud-load: 4,12,4,"
          " one after the other (8)"),
        V("SECONDS", "number >0", text="of one measurement of bench, of the whole soak or load"
          " (60)"),
        V("PAUSE", "number 0..", "0", shell=False, text="cloud-load: seconds between an answer and"
          " the client's next request"),
        V("AGAINST", "path", text="another model.tar.gz or model directory, in the same rounds"),
        V("PEERS", "1", text="other servers in the same rounds"),
        V("TUNE", "1", text="search the settings of batching instead"),
        V("ARTICLE_WORDS", "whole 1..", text="in the vectors of the article's handler; default: as"
          " many as its own has"),
    ],
    "Runs and reports": [
        V("SEEDS", "whole 1..", "5", text="1 to this, on the one split of SPLIT_SEED (1)"),
        V("SPLITS", "whole 1..", shell=False, text="instead: 1 to this, each with the seed of its"
          " number"),
        V("JOBS", "whole 1..", shell=False, text="trained at a time; default: one a core, as far as"
          " memory goes"),
        V("REPORT", "0|1", "1", shell=False, text="0: no report when the runs are made"),
        V("WHERE", shell=False, text="'accuracy>0.8, version=v1'"),
        V("SORT", shell=False, text="accuracy; -accuracy: the worst first"),
        V("LANG_REPORT", "en|ja", "en", option="language", text="of what is printed"),
        V("RUNS", "path", shell=False, text="a directory of runs, instead of build/runs"),
        V("CAPTURED", "path", shell=False, text="the table of cloud-captured, with labels"),
        V("KEEP", "1", shell=False, text="from the runs that are in results/<dataset>"),
    ],
    "Cloud": [
        V("CLOUD", "aws|emulator", "aws", text="emulator: the account of `make emulator`"),
        V("YES", "1", shell=False, text="no question before what costs"),
        V("MAX_USD", "number 0..", text="nothing is created that may cost more"),
        V("FRESH", "1", shell=False, text="a new job even where one of the same inputs has"
          " succeeded; emulator: an empty account"),
        V("DATA", "1", shell=False, text="cloud-delete removes what lies in S3, too"),
        V("INPUT", "path", shell=False, text="cloud-batch: a line each {\"q\": \"…\"} or plain"
          " text; or records of TYPE, such as the lines of a CSV. cloud-compare: labelled sentences"
          " instead of build/data/test"),
        V("WEIGHT", "number 0..1", shell=False, text="share of the requests that B gets (0.1), or"
          " that are copied to it (1)"),
        V("SHADOW", "1", shell=False, text="B gets copies and answers nobody"),
        V("VARIANT", shell=False, text="A, B or a variant's name; default: the better one of"
          " cloud-compare"),
        V("CAPTURE", "whole 0..100", shell=False, text="percentage of the requests that are kept in"
          " S3, with their answers; 0: none"),
        V("EXPIRES", shell=False, text="30m, 2h, 3d: the endpoint is ended after that; never"),
        V("MIN", "whole 1..", shell=False, text="instances at least (1)"),
        V("MAX", "whole 1..", shell=False, text="instances at most (2; ml.t2.*, which AWS does not"
          " scale by load: as many, always)"),
        V("TARGET", "number >0", shell=False, text="invocations a minute of each instance (600)"),
        V("COOLDOWN", "whole 0.. …", "60,300", shell=False, text="seconds after scaling out, and"
          " after scaling in"),
        V("SCHEDULE", shell=False, text="MIN and MAX from then on: 'cron(0 8 ? * MON-FRI *)',"
          " 'rate(1 day)' or 'at(2026-12-24T18:00:00)'"),
        V("TIMEZONE", shell=False, text="of SCHEDULE, such as Asia/Tokyo (UTC)"),
        V("RPM", "number >0", shell=False, text="requests a minute: says how many instances would"
          " run and what a day would cost, and changes nothing"),
        V("OFF", "1", shell=False, text="the scaling ends"),
        V("ROLLOUT", "", "all", shell=False, text="cloud-deploy, of an update: canary:10: so many"
          " percent of the traffic first; linear:25: so many more in each step"),
        V("BAKE", "whole 0..3600", shell=False, text="seconds that alarms watch each step of"
          " ROLLOUT; default: 60, of canary and linear 300"),
        V("FOLLOW", "1", shell=False, text="the training jobs that run, to their end; then a line"
          " for each minute of the endpoint"),
        V("MINUTES", "whole 1..20160", "60", shell=False, text="that cloud-metrics goes back"),
        V("FAULTS", shell=False, text="what goes wrong in the emulator's account: see"
          " docs/emulated-account.md"),
        V("LIMITS", shell=False, text="its time limits, likewise; minute:2: so many seconds are a"
          " minute there"),
        V("EMULATOR_PORT", "whole 0..65535", "0", shell=False, option="port", text="0: a free one"),
        *(V(name, shell=False, text="a key of cloud.toml, for once") for name in CLOUD.split()),
    ],
    "Tests": [
        V("WITH", shell=False, text="further suites of `make test`, such as test-docker"),
        V("PYTHON_FOR_SDISTS", "", "3.8", text="lock: can still build the sdists of 2019"),
    ],
}  # fmt: skip
VARIABLES = {one.name: one for section in SECTIONS.values() for one in section}


def add_options(command: argparse.ArgumentParser, names: str) -> None:
    """Adds to a command the options that take these variables."""
    for name in names.split():
        VARIABLES[name].add_to(command)


def listed(width: int) -> str:
    """All of them, with values and defaults, as `make variables` prints them."""
    lines = []
    for title, section in SECTIONS.items():
        lines += ["", title]
        for one in section:
            name = f"{one.name}={one.default}" if one.default else one.name
            text = f"{one.kind}; {one.text}" if "|" in one.kind else one.text
            words = f"  {name:<23} {text}"
            lines.append(textwrap.fill(words, width, subsequent_indent=" " * 26))
    return "\n".join(lines).strip()


class Values:
    """What the variables are: as given to make, else as in the user's shell, else the default.

    Attributes:
        hyperparameters: the names given that are those of the model.
    """

    def __init__(self, given: Mapping[str, str], shell: Mapping[str, str]) -> None:
        self.given = {name: value for name, value in given.items() if value}
        self.hyperparameters: list[str] = []
        self._shell = shell

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Values":
        """As make hands them on."""
        given = {
            name.removeprefix(PREFIX): value
            for name, value in environment.items()
            if name.startswith(PREFIX)
        }
        return cls(given, environment)

    def __getitem__(self, name: str) -> str:
        variable = VARIABLES[name]
        chosen = self.given.get(name) or (self._shell.get(name) if variable.shell else "")
        return chosen or variable.default

    def __contains__(self, name: str) -> bool:
        """Whether one is not its default alone."""
        return name in self.given or bool(VARIABLES[name].shell and self._shell.get(name))

    @property
    def model(self) -> str:
        """A version's name or a script's path."""
        return self["SCRIPT"] or self["VERSION"]

    def options(self, names: str, given: str = "") -> list[str]:
        """The words that hand variables on; those of `given` only where they are given to make."""
        words = []
        for name in names.split():
            words += VARIABLES[name].options(self[name])
        for name in given.split():
            words += VARIABLES[name].options(self.given.get(name, ""))
        return words

    def settings(self, option: str, names: str) -> list[str]:
        """`option NAME=VALUE` for each that is given to make."""
        chosen = [name for name in names.split() if name in self.given]
        return [word for name in chosen for word in (option, f"{name}={self.given[name]}")]
