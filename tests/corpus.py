"""The KNB corpus for tests: the real one where it is at hand, and archives in its layout."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

REAL = Path(__file__).resolve().parents[2] / "shared/data/knbc/KNBC_v1.0_090925_utf8.tar.bz2"
needs_the_corpus = pytest.mark.skipif(
    not REAL.exists(), reason=f"the KNB corpus is not at {REAL}: its licence travels with it"
)


def tar_of(path: Path, files: dict[str, bytes], mode: str = "w:bz2") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def zip_of(path: Path, files: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def folder_of(path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return path
