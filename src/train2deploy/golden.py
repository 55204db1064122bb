"""Golden requests: what an endpoint is asked to prove that it serves its model.

Our code takes sentences, a model without code what fits its signature. What another inference.py
takes only its author knows: that is REQUEST=.
"""

import json
from collections.abc import Callable
from pathlib import Path

from train2deploy import bundles, endpoint, paths, signature
from train2deploy.datasets import channels, directory
from train2deploy.errors import JobFailed, UserError
from train2deploy.package_code import ENCODING_FILES
from train2deploy.requests import Request
from train2deploy.requests import sentences as sentence_request

SENTENCES = 20
FIRST_SENTENCE = "電波が悪い"
ASK = "REQUEST=<file> (and TYPE=) asks it"


def sentences() -> list[str]:
    """The first test sentences with something in them.

    Of our own data sets, and where there is no data, the article's sentence goes before them.
    """
    there = paths.DATASET.is_dir()
    texts = [row.text for row in channels.read(paths.DATASET / "test")] if there else []
    texts = [text for text in texts if text.strip()][:SENTENCES]
    own = there and channels.facts(paths.DATASET).get("dataset") not in directory.RESERVED
    return texts if own and texts else [FIRST_SENTENCE, *texts[: SENTENCES - 1]]


def reads_sentences(model_dir: Path) -> bool:
    """Whether a package's code is ours: `{"q": …}` in, a ranking out."""
    names = ("encoding.py", "inference.py", *ENCODING_FILES)
    return all((model_dir / "code" / name).is_file() for name in names)


def check_reads_sentences(command: str) -> None:
    """Raises UserError where a command asks sentences that build/model.tar.gz does not read."""
    archive = paths.MODEL_ARCHIVE
    if archive.exists() and not reads_sentences(endpoint.unpacked_model(archive)):
        raise UserError(
            f"{command}: asks sentences, which the code of {paths.relative(archive)} does not read"
            " (it is not ours). `make verify` and `make bench` take such a package."
        )


def other_requests(model_dir: Path, given: Request | None) -> tuple[list[Request], str]:
    """What a package that reads no sentences can be asked.

    Returns:
        (requests, of which one suits the model; why there is none)
    """
    if given:
        return [given], ""
    if (model_dir / "code" / "inference.py").exists():
        return [], f"its inference.py is not ours: what it takes is not known; {ASK}"
    models = bundles.newest(model_dir)
    if len(models) > 1:
        return [], f"it holds {len(models)} models: /invocations was not asked; {ASK}"
    try:
        (found,) = map(signature.read, models.values())
    except UserError as error:
        return [], str(error)
    if not found.requests():
        return [], f"its inputs are of types that JSON does not have; {ASK}"
    bodies = [{"signature_name": found.name, "inputs": inputs} for inputs in found.requests()]
    return [Request(json.dumps(body).encode()) for body in bodies], ""


def comparable(model_dir: Path, given: Request | None) -> list[Request]:
    """What two endpoints of the same package are asked, of which one suits the model.

    Raises:
        UserError: nothing is known that it would take.
    """
    if reads_sentences(model_dir) and not given:
        return [sentence_request(sentences())]
    asked, left = other_requests(model_dir, given)
    if not asked:
        raise UserError(f"{paths.relative(paths.MODEL_ARCHIVE)}: {left}.")
    return asked


def first_answer(asked: list[Request], ask: Callable[[Request], bytes]) -> tuple[Request, bytes]:
    """The first request that is answered, with its answer; raises JobFailed where none is."""
    reason = JobFailed("no request can be made for its types")
    for request in asked:
        try:
            return request, ask(request)
        except JobFailed as error:
            reason = error
    raise reason
