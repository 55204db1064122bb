"""The requests that every contract is asked: the package's own, the user's, and edge cases."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from train2deploy import bundles, golden, signature
from train2deploy.errors import UserError
from train2deploy.requests import JSON, Request
from train2deploy.requests import sentences as sentence_request
from train2deploy.upgrade import inputs

ANSWERS, BODY, TYPES, CONTENT_TYPE = "answers", "body", "types", "content type"
CSV, LINES, ACCEPT, ATTRIBUTES = "CSV", "JSON lines", "Accept", "attributes"
ROUTES, PING, YOURS = "routes", "ping", "yours"
NOTHING = Request(b"", "")
CSV_TYPE, LINES_TYPE = "text/csv", "application/jsonlines"
INVOCATIONS = "/invocations"


@dataclass(frozen=True)
class Case:
    """A request, and what it is there to show.

    Attributes:
        group: what part of the contract it tries.
        attributes: X-Amzn-SageMaker-Custom-Attributes.
    """

    group: str
    name: str
    request: Request = NOTHING
    method: str = "POST"
    path: str = INVOCATIONS
    attributes: str = ""


Answers = Callable[[Case], bool]
"""Whether an endpoint answers a case with 200."""


def of_package(model_dir: Path, given: list[Case], answers: Answers) -> list[Case]:
    """Everything that a package is asked.

    Args:
        given: the user's own.
        answers: asked which of several generated requests fits the model.
    """
    models = bundles.newest(model_dir)
    has_code = (model_dir / "code" / "inference.py").is_file()
    found = list(given)
    if golden.reads_sentences(model_dir):
        texts = golden.sentences()
        found += [Case(ANSWERS, "a sentence", sentence_request(texts[0]))]
        found += [Case(ANSWERS, "a list of sentences", sentence_request(texts))]
    for name, version in models.items():
        plain = len(models) == 1 and not has_code
        path = INVOCATIONS if plain else f"/tfs/v1/models/{name}:predict"
        found += _of_model(version, path, f" of {name}" if len(models) > 1 else "", answers)
    seed = next((case for case in found if case.path == INVOCATIONS and answers(case)), None)
    request = seed.request if seed else Request(b"{}")
    if has_code:
        found += _bodies(request)
    found += _content_types(request)
    found += _accepts(request)
    found += _attributes(request, models)
    return _once([*found, *_routes(sorted(models)), *_pings()])


def _of_model(version: Path, path: str, of: str, answers: Answers) -> Iterator[Case]:
    try:
        found = signature.read(version)
    except UserError:
        return
    bodies = [{"signature_name": found.name, "inputs": each} for each in found.requests()]
    choice = [Case(ANSWERS, f"columns{of}", _json(body), path=path) for body in bodies]
    if not choice:
        return
    fits = next((place for place, case in enumerate(choice) if answers(case)), 0)
    yield choice[fits]
    values = found.requests()[fits]
    for name, body in inputs.edges(found, values):
        yield Case(TYPES, f"{name}{of}", Request(body), path=path)
    if path != INVOCATIONS:
        return
    rows = inputs.rows(values)
    for name, text in inputs.csv_bodies(rows):
        yield Case(CSV, name, Request(text.encode(), CSV_TYPE))
    for name, text in inputs.line_bodies(rows):
        yield Case(LINES, name, Request(text.encode(), LINES_TYPE))


def _json(value: Any) -> Request:
    return Request(json.dumps(value, ensure_ascii=False).encode())


def _once(cases: list[Case]) -> list[Case]:
    """Without those that ask what an earlier one does."""
    kept: dict[tuple[object, ...], Case] = {}
    for case in cases:
        sent = replace(case.request, titles=())
        kept.setdefault((sent, case.method, case.path, case.attributes), case)
    return list(kept.values())


def _bodies(seed: Request) -> Iterator[Case]:
    """What a handler may stumble over, whatever it takes."""
    yield Case(BODY, "empty", replace(seed, body=b""))
    yield Case(BODY, "cut short", replace(seed, body=seed.body[:-1]))
    yield Case(BODY, "not UTF-8", replace(seed, body=b"\xff" + seed.body))
    yield Case(BODY, "a byte order mark before it", replace(seed, body=b"\xef\xbb\xbf" + seed.body))
    yield Case(BODY, "null", replace(seed, body=b"null"))
    yield Case(
        LINES,
        "the request twice, on two lines",
        replace(seed, body=seed.body + b"\n" + seed.body, content_type=LINES_TYPE),
    )
    yield Case(CSV, "numbers", replace(seed, body=b"1.0,2.0\n", content_type=CSV_TYPE))


def _content_types(seed: Request) -> Iterator[Case]:
    own = seed.content_type or JSON
    sent = [f"{own}; charset=utf-8", f"{own};x", own.upper(), "", "text/plain", LINES_TYPE]
    sent += ["application/jsons", "application/x-npy", f"{CSV_TYPE}; header=present", "; charset=x"]
    for text in sent:
        yield Case(CONTENT_TYPE, text or "none", replace(seed, content_type=text))


def _accepts(seed: Request) -> Iterator[Case]:
    sent = [JSON, LINES_TYPE, "application/jsons", "text/csv", "*/*", f"text/html, {JSON}"]
    for text in [*sent, f"{JSON};q=0.9", f"{LINES_TYPE}, text/html"]:
        yield Case(ACCEPT, text, replace(seed, accept=text))


def _attributes(seed: Request, models: Mapping[str, Path]) -> Iterator[Case]:
    sent = []
    for name, version in models.items():
        number = int(version.name)
        sent += [f"tfs-model-name={name}", f"tfs-model-name={name},tfs-model-version={number}"]
    sent += ["tfs-model-name=nosuch", "tfs-model-name=../x", "tfs-model-name=a=b"]
    sent += ["tfs-model-name= x", f"tfs-model-name={'n' * 256}", "tfs-model-name=a%20b"]
    sent += ["tfs-model-version=999", "tfs-model-version=0", "tfs-model-version=x"]
    sent += ["tfs-model-version=-1", "tfs-method=predict", "tfs-method=classify"]
    sent += ["tfs-method=regress", "tfs-method=nosuch", "tfs-method=PREDICT", "x=1,tfs-y=2"]
    for text in sent:
        yield Case(
            ATTRIBUTES,
            text if len(text) < 60 else f"{text[:20]}… ({len(text)} characters)",
            seed,
            attributes=text,
        )


def _routes(names: list[str]) -> Iterator[Case]:
    for method in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"):
        yield Case(ROUTES, f"{method} {INVOCATIONS}", method=method)
    paths = ["/", "/nosuch", "/models", f"{INVOCATIONS}/x", f"{INVOCATIONS}x"]
    paths += ["/tfs/v1/models/nosuch"]
    for name in names:
        paths += [f"/tfs/v1/models/{name}", f"/tfs/v1/models/{name}/versions/999"]
    for path in paths:
        yield Case(ROUTES, f"GET {path}", method="GET", path=path)
    for accept in ("text/csv", "application/xml"):
        asked, path = replace(NOTHING, accept=accept), f"{INVOCATIONS}/x"
        yield Case(ROUTES, f"GET {path}, Accept: {accept}", asked, "GET", path)


def _pings() -> Iterator[Case]:
    for method, path in (("GET", "/ping"), ("POST", "/ping"), ("HEAD", "/ping"), ("GET", "/pingx")):
        yield Case(PING, f"{method} {path}", method=method, path=path)
    for text in ("tfs-model-name=../x", "tfs-model-name=nosuch", "tfs-model-version=x", "x=1"):
        yield Case(PING, f"GET /ping, {text}", method="GET", path="/ping", attributes=text)
