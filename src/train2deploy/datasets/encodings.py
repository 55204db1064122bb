"""The text of a file, or which encoding it is in and how to convert it."""

import codecs
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from train2deploy.datasets.rows import InvalidDataSet

MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
"""Byte order marks; the longer ones first, since UTF-32's begins like UTF-16's."""

OTHER_FILES = {
    b"PK\x03\x04": "an Excel workbook or another zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "a gzip archive",
    b"%PDF": "a PDF document",
}
"""What a file is that begins with these bytes."""

KANJI_IN = b"\x1b$"  # ISO-2022-JP's escape: its bytes are ASCII, and so valid UTF-8

WESTERN = {0x80, 0x85, *range(0x91, 0x98), 0x99, *range(0xA0, 0x100)}
"""What Western European text in Latin-1 or Windows-1252 consists of: €, …, quotes, ™, letters."""

NAMES = {
    "CP932": "CP932 (Shift_JIS), in which Excel on Japanese Windows saves a plain CSV",
    "WINDOWS-1252": "Latin-1 (Windows-1252), in which Excel saves a plain CSV in Western countries",
    "EUC-JP": "EUC-JP",
    "ISO-2022-JP": "ISO-2022-JP (JIS)",
}


@dataclass(frozen=True)
class Encoding:
    """What a file seems to be in: a sentence's words for it, and its name for iconv."""

    words: str
    iconv: str


def read_text(path: Path, variable: str = "") -> str:
    """The text of a UTF-8 file, without a byte order mark.

    Args:
        variable: of make, which named the file.

    Raises:
        InvalidDataSet: it is in another encoding, or damaged; the message has the command that
            converts it.
    """
    data = path.read_bytes()
    file = f"{variable}={path}" if variable else str(path)
    for magic, words in OTHER_FILES.items():
        if data.startswith(magic):
            raise InvalidDataSet(
                f"{file}: expected {'text' if variable else 'CSV'}, found {words}. Unpack it, or"
                ' save it from Excel as "CSV UTF-8 (Comma delimited)".'
            )
    found = _not_utf8(data)
    if found:
        raise InvalidDataSet(f"{file}: expected UTF-8, found {found.words}. {_advice(path, found)}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The decoder counts without the byte order mark.
        start = error.start + len(data) - len(error.object)
        line, byte = data[:start].count(b"\n") + 1, data[start]
        where = (
            f"{file}, line {line}: expected UTF-8, found the byte 0x{byte:02x} at offset {start}"
        )
        if _is_damaged(data):
            raise InvalidDataSet(
                f"{where}. The rest of the file is UTF-8: correct this line."
            ) from error
        name = guess(data)
        if not name:
            raise InvalidDataSet(
                f"{where}. Convert the file from its encoding:"
                f" {_command(path, '<its encoding>')} (`iconv -l` lists them)."
            ) from error
        encoding = Encoding(NAMES[name], name)
        raise InvalidDataSet(
            f"{where}: it seems to be {encoding.words}. {_advice(path, encoding)}"
        ) from error


def guess(data: bytes) -> str | None:
    """iconv's name of the encoding that bytes which are not UTF-8 are most likely in.

    >>> guess("電波が悪い".encode("cp932")), guess("café crème\\n".encode("latin-1"))
    ('CP932', 'WINDOWS-1252')
    >>> guess("電波が悪い".encode("euc_jp"))
    'EUC-JP'
    """
    runs = re.findall(rb"[\x80-\xff]+", data)
    is_western = all(byte in WESTERN for run in runs for byte in run)
    # Letters with an accent stand alone; Japanese text has two bytes a character.
    alone = sum(len(run) == 1 for run in runs)
    if is_western and 2 * alone > len(runs):
        return "WINDOWS-1252"
    shares = {name: _share_of_usual_japanese(data, name) for name in ("EUC-JP", "CP932")}
    best = max(shares, key=lambda name: shares[name])
    if shares[best] >= 0.5:
        return best
    return "WINDOWS-1252" if is_western else None


def _share_of_usual_japanese(data: bytes, name: str) -> float:
    """Kana, punctuation and the kanji of JIS level 1 among the characters that are not ASCII."""
    try:
        found = [one for one in data.decode(name) if not one.isascii()]
    except UnicodeDecodeError:
        return 0.0
    codes = [one.encode("cp932", "ignore") for one in found]
    usual = [code for code in codes if len(code) == 2 and 0x81 <= code[0] <= 0x98]
    return len(usual) / max(len(found), 1)


def _not_utf8(data: bytes) -> Encoding | None:
    """UTF-16, UTF-32 and ISO-2022-JP, whose ASCII text would pass as UTF-8."""
    for mark, name in MARKS.items():
        if data.startswith(mark):
            excel = ', as Excel\'s "Unicode Text" has it' if name == "UTF-16" else ""
            return Encoding(f"{name} with a byte order mark{excel}", name)
    # A header is ASCII, so that every second of its bytes is NUL.
    header = data.partition(b"\n")[0][:64]
    even, odd = header[0::2].count(0), header[1::2].count(0)
    if odd > 1 and not even:
        return Encoding("UTF-16 (little-endian, without a byte order mark)", "UTF-16LE")
    if even > 1 and not odd:
        return Encoding("UTF-16 (big-endian, without a byte order mark)", "UTF-16BE")
    if KANJI_IN in data:
        return Encoding(NAMES["ISO-2022-JP"], "ISO-2022-JP")
    return None


def _is_damaged(data: bytes) -> bool:
    """Whether most of what is not ASCII is valid UTF-8."""
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    return sum(not one.isascii() for one in text) > 3 * bad


def _advice(path: Path, encoding: Encoding) -> str:
    return (
        'In Excel, save it as "CSV UTF-8 (Comma delimited)"; or convert it:'
        f" {_command(path, encoding.iconv)}"
    )


def _command(path: Path, name: str) -> str:
    old, new = shlex.quote(str(path)), shlex.quote(f"{path}.utf8")
    return f"iconv -f {name} -t UTF-8 {old} > {new} && mv {new} {old}"
