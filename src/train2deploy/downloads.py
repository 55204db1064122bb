"""Downloads with resume, progress and a check before use."""

from pathlib import Path

import requests

from train2deploy import console, paths
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_file

TIMEOUT_SECONDS = 30
CHUNK = 1 << 16


class DownloadFailed(UserError):
    """Nothing usable came; what was there before is untouched."""


def fetch(url: str, target: Path, sha256: str | None) -> Path:
    """Downloads `url` to `target` unless it is there already; checks it in any case.

    A part that an earlier try left behind (`<target>.part`) is continued. The
    file gets its name only after the check.

    Raises:
        DownloadFailed: no network, an HTTP error, or another sha256 than expected.
    """
    if not target.exists():
        partial = target.with_name(target.name + ".part")
        partial.parent.mkdir(parents=True, exist_ok=True)
        try:
            _download(url, partial)
        except requests.RequestException as error:
            raise DownloadFailed(
                f"{url} could not be fetched ({_cause(error)}). Try again (it resumes where it"
                f" stopped), or copy the file to {paths.relative(target)}."
            ) from error
        _verify(partial, sha256, url)
        partial.replace(target)
        return target
    _verify(target, sha256, url)
    return target


def _download(url: str, partial: Path) -> None:
    start = partial.stat().st_size if partial.exists() else 0
    # Compressed on the way, a part would be no beginning of what the server counts.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as response:
        if start and response.status_code == requests.codes.requested_range_not_satisfiable:
            if response.headers.get("Content-Range") == f"bytes */{start}":
                return  # the part is already whole; the check will tell
            partial.unlink()  # of another file: from the beginning
            _download(url, partial)
            return
        response.raise_for_status()
        resumed = response.status_code == requests.codes.partial_content
        start = start if resumed else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        with (
            partial.open("ab" if resumed else "wb") as target,
            console.download_progress(partial.name.removesuffix(".part"), total, start) as advance,
        ):
            for chunk in response.iter_content(CHUNK):
                target.write(chunk)
                advance(len(chunk))


def _verify(path: Path, expected: str | None, url: str) -> None:
    if expected is None:
        return
    found = sha256_file(path)
    if found == expected:
        return
    if path.name.endswith(".part"):
        path.unlink()
    raise DownloadFailed(
        f"{paths.relative(path)} is not the file that was expected: sha256 {expected} expected,"
        f" {found} found. Remove it and fetch it again from {url}."
    )


def _cause(error: requests.RequestException) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP {error.response.status_code}"
    return type(error).__name__
