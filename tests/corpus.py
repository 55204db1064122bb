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


TOPICS = {"Gourmet": "グルメ", "Keitai": "携帯電話", "Kyoto": "京都", "Sports": "スポーツ"}

SENTENCES = [
    "［{label}］その話。",
    "電波が悪い。",
    "今日は〜、とても疲れた。",
    "",
    "http://www.example.com/a?b=c",
    '"引用"は"そのまま"',
    "［括弧］で始まる普通の文。",
]
RELEASE = "KNBC_v1.0_090925"


def files(
    articles: int = 3,
    sentences: list[str] = SENTENCES,
    encoding: str = "euc_jp",
    release: str = RELEASE,
) -> dict[str, bytes]:
    """A small corpus: an id, a sentence and columns of annotations, and the other files."""
    texts = {}
    for offset, (topic, label) in enumerate(TOPICS.items()):
        lines = [
            f"KN{article + 100 * offset:03d}_{topic}_{article}-1-{number}-01"
            f"\t{sentence.format(label=label)}\t[著者]\t批評+\t\n"
            for article in range(1, articles + 1)
            for number, sentence in enumerate(sentences, start=1)
        ]
        texts[f"{release}/corpus2/{topic}.tsv"] = "".join(lines)
    texts[f"{release}/corpus1/KN001_Keitai_1/KN001_Keitai_1-1-1-01"] = "# 解析\n"
    texts[f"{release}/README"] = "説明\n"
    return {name: text.encode(encoding) for name, text in texts.items()}
