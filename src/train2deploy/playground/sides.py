"""What the page asks: an endpoint on this machine, or one in an account (cloud/playground.py)."""

import http.client
import json
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from train2deploy import golden, paths, processes
from train2deploy.endpoint import Answer, Endpoint, EndpointError, exchange
from train2deploy.requests import JSON, sentences
from train2deploy.runtimes import Runtime


class Side(Protocol):
    """An endpoint, and what is known of its package."""

    def ask(self, body: bytes, content_type: str, accept: str) -> Answer:
        """What POST /invocations answers; status 0: nothing, and the body is why."""

    def tokens(self, body: bytes) -> Any:
        """The tokens of the sentence {"q": …}; None where they are not known."""

    def facts(self) -> Mapping[str, Any]:
        """For the page."""


class Tokens:
    """The package's own encoder, in a process of the serving side. Use as a context manager."""

    def __init__(self, model_dir: Path, runtime: Runtime) -> None:
        self._runtime = runtime
        arguments = ["-m", "hosting.package_tokens", str(model_dir.resolve() / "code")]
        self._launch = runtime.python("serve", arguments, {}, reads=[model_dir.resolve()])
        self._encoder = processes.Conversation(
            self._launch.arguments, self._launch.environment, paths.ROOT, stderr=subprocess.DEVNULL
        )
        self._lock = threading.Lock()

    def of(self, sentence: str) -> list[Any] | None:
        """[token, index, has a vector, is seen] of each token; None where it cannot tell."""
        with self._lock:
            try:
                sentence.encode()  # a lone surrogate is no text to it
                found = self._encoder.ask([sentence])
            except (OSError, ValueError):
                return None
        return found[0] if found else None

    def __enter__(self) -> "Tokens":
        return self

    def __exit__(self, *exception: object) -> None:
        self._encoder.end()
        self._runtime.finish(self._launch)


@dataclass
class Package:
    """What is known of a side before it is asked anything."""

    title: str  # what the page calls it
    labels: Sequence[str] = ()  # of the model, as far as they are known
    reads_sentences: bool = True  # our handler's {"q": …}, as far as that is known
    # explain, unknown: whether the model can; None: not known, the page tries
    explain: bool | None = None
    unknown: bool | None = None
    request: str = ""
    encoder: Tokens | None = None

    @classmethod
    def of(cls, title: str, model_dir: Path) -> "Package":
        """Of an unpacked one."""
        code = model_dir / "code"
        if not golden.reads_sentences(model_dir):
            asked, _ = golden.other_requests(model_dir, None)
            request = asked[0].body.decode() if asked else ""
            return cls(title, (), False, False, False, request)
        read = {name: _read(code / name) for name in ("encoding.json", "labels.json")}
        specification = read["encoding.json"] or {}
        explain, unknown = (bool(specification.get(key)) for key in ("explain", "unknown_below"))
        return cls(title, read["labels.json"] or [], True, explain, unknown)

    def facts(self) -> Mapping[str, Any]:
        kept = ("title", "labels", "reads_sentences", "explain", "unknown", "request")
        return {**{name: getattr(self, name) for name in kept}, "tokens": self.encoder is not None}

    def tokens(self, body: bytes) -> Any:
        try:
            sentence = json.loads(body)["q"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        return self.encoder.of(sentence) if self.encoder and isinstance(sentence, str) else None


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


@dataclass
class Local:
    """An endpoint on this machine."""

    endpoint: Endpoint
    package: Package

    def ask(self, body: bytes, content_type: str, accept: str) -> Answer:
        try:
            return exchange(self.endpoint, "POST", "/invocations", body, content_type, accept)
        except (OSError, http.client.HTTPException) as error:
            why = str(error) or type(error).__name__
            return Answer(0, "", f"{self.endpoint.url} gave no answer: {why}".encode())

    def warm_up(self, sentence: str) -> None:
        """Asks once: a graph's first run takes many times the time of a later one.

        Raises:
            EndpointError: there is no endpoint.
        """
        package = self.package
        body = sentences(sentence).body if package.reads_sentences else package.request.encode()
        answer = self.ask(body, JSON, "")
        if answer.status == 0:
            raise EndpointError(f"{answer.body.decode()}. Start one with `make local-serve`.")

    def tokens(self, body: bytes) -> Any:
        return self.package.tokens(body)

    def facts(self) -> dict[str, Any]:
        return {**self.package.facts(), "url": f"{self.endpoint.url}/invocations"}
