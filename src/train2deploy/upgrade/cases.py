"""The requests that every contract is asked: the package's own, the user's, and edge cases."""

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
    """A request, and what it is there to show."""

    group: str  # what part of the contract it tries
    name: str
    request: Request = NOTHING
    method: str = "POST"
    path: str = INVOCATIONS
    attributes: str = ""  # X-Amzn-SageMaker-Custom-Attributes


Answers = Callable[[Case], bool]  # whether an endpoint answers a case with 200


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
        path = f"/tfs/v1/models/{name}:predict" if has_code else INVOCATIONS
        asked = Case(ANSWERS, "", path=path)
        if len(models) > 1:
            asked = replace(asked, attributes="" if has_code else f"tfs-model-name={name}")
        found += _of_model(version, asked, f" of {name}" if len(models) > 1 else "", answers)
    fallback = Case(ANSWERS, "", Request(b"{}"))
    seed = next((case for case in found if case.path == INVOCATIONS and answers(case)), fallback)
    if has_code:
        found += _bodies(seed)
    found += [*_content_types(seed), *_accepts(seed), *_attributes(seed, models)]
    return _once([*found, *_routes(sorted(models)), *_pings()])


def _like(seed: Case, group: str, name: str, **changed: Any) -> Case:
    """The same with something else about its request."""
    return replace(seed, group=group, name=name, request=replace(seed.request, **changed))


def _of_model(version: Path, asked: Case, of: str, answers: Answers) -> Iterator[Case]:
    """What a model's signature takes, asked as `asked` is."""
    try:
        found = signature.read(version)
    except UserError:
        return
    bodies = [{"signature_name": found.name, "inputs": each} for each in found.requests()]
    choice = [_like(asked, ANSWERS, f"columns{of}", body=inputs.dumped(body)) for body in bodies]
    choice = [_like(case, ANSWERS, case.name, content_type=JSON) for case in choice]
    if not choice:
        return
    fits = next((place for place, case in enumerate(choice) if answers(case)), 0)
    yield choice[fits]
    values = found.requests()[fits]
    for name, body in inputs.edges(found, values):
        yield _like(choice[fits], TYPES, f"{name}{of}", body=body)
    if asked.path != INVOCATIONS:
        return
    rows = inputs.rows(values)
    for name, text in inputs.csv_bodies(rows):
        yield _like(asked, CSV, f"{name}{of}", body=text.encode(), content_type=CSV_TYPE)
    for name, text in inputs.line_bodies(rows):
        yield _like(asked, LINES, f"{name}{of}", body=text.encode(), content_type=LINES_TYPE)


def _once(cases: list[Case]) -> list[Case]:
    """Without those that ask what an earlier one does."""
    kept: dict[tuple[object, ...], Case] = {}
    for case in cases:
        sent = replace(case.request, titles=())
        kept.setdefault((sent, case.method, case.path, case.attributes), case)
    return list(kept.values())


def _bodies(seed: Case) -> Iterator[Case]:
    """What a handler may stumble over, whatever it takes."""
    body = seed.request.body
    yield _like(seed, BODY, "empty", body=b"")
    yield _like(seed, BODY, "cut short", body=body[:-1])
    yield _like(seed, BODY, "not UTF-8", body=b"\xff" + body)
    yield _like(seed, BODY, "a byte order mark before it", body=b"\xef\xbb\xbf" + body)
    yield _like(seed, BODY, "null", body=b"null")
    twice = {"body": body + b"\n" + body, "content_type": LINES_TYPE}
    yield _like(seed, LINES, "the request twice, on two lines", **twice)
    yield _like(seed, CSV, "numbers", body=b"1.0,2.0\n", content_type=CSV_TYPE)


def _content_types(seed: Case) -> Iterator[Case]:
    own = seed.request.content_type or JSON
    sent = [f"{own}; charset=utf-8", f"{own};x", own.upper(), "", "text/plain", LINES_TYPE]
    sent += ["application/jsons", "application/x-npy", f"{CSV_TYPE}; header=present", "; charset=x"]
    for text in sent:
        yield _like(seed, CONTENT_TYPE, text or "none", content_type=text)


def _accepts(seed: Case) -> Iterator[Case]:
    sent = [JSON, LINES_TYPE, "application/jsons", "text/csv", "*/*", f"text/html, {JSON}"]
    for text in [*sent, f"{JSON};q=0.9", f"{LINES_TYPE}, text/html"]:
        yield _like(seed, ACCEPT, text, accept=text)


def _attributes(seed: Case, models: Mapping[str, Path]) -> Iterator[Case]:
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
        name = text if len(text) < 60 else f"{text[:20]}… ({len(text)} characters)"
        yield replace(seed, group=ATTRIBUTES, name=name, attributes=text)


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
