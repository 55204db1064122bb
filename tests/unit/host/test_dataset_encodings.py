"""datasets.encodings: a file that is not UTF-8 is named for what it is, with the way out."""

import subprocess
from pathlib import Path

import pytest
from own_data import FEATURES, LABELS, lay, message, texts

from train2deploy.datasets import encodings


def test_cp932_is_told_with_its_place_and_the_command(tmp_path: Path):
    lay(tmp_path, FEATURES.encode("cp932"))
    path = tmp_path / "features.csv"
    assert message(tmp_path) == (
        f"{path}, line 2: expected UTF-8, found the byte 0x93 at offset 8: it seems to be CP932"
        " (Shift_JIS), in which Excel on Japanese Windows saves a plain CSV. In Excel, save it as"
        ' "CSV UTF-8 (Comma delimited)"; or convert it:'
        f" iconv -f CP932 -t UTF-8 {path} > {path}.utf8 && mv {path}.utf8 {path}"
    )


@pytest.mark.parametrize(
    "mark, encoding, iconv",
    [
        (b"\xff\xfe", "utf-16-le", "UTF-16"),
        (b"\xfe\xff", "utf-16-be", "UTF-16"),
        (b"", "utf-16-le", "UTF-16LE"),
        (b"", "utf-16-be", "UTF-16BE"),
        (b"\xff\xfe\0\0", "utf-32-le", "UTF-32"),
        (b"\0\0\xfe\xff", "utf-32-be", "UTF-32"),
        (b"", "cp932", "CP932"),
        (b"", "euc_jp", "EUC-JP"),
        (b"", "iso2022_jp", "ISO-2022-JP"),
    ],
)
def test_the_command_converts_a_file_of_another_encoding(tmp_path, mark, encoding, iconv):
    data = mark + FEATURES.replace("\n", "\r\n").encode(encoding)
    folder = lay(tmp_path / "mine and yours", data)
    text = message(folder)
    assert 'save it as "CSV UTF-8' in text
    assert f"iconv -f {iconv} -t UTF-8 " in text
    assert "\n" not in text
    subprocess.run(["sh", "-c", text[text.index("iconv") :]], check=True)
    assert texts(folder)[0] == "電波が悪い"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_of_ascii_text_alone_is_no_file_with_nul_characters(tmp_path: Path, encoding: str):
    lay(tmp_path, "feature\na\nb\nc\nd\n".encode(encoding))
    assert "UTF-16" in message(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "feature\ncafé crème\nein Gruß aus Köln\nel señor\nd’accord\n",
        "feature\nGröße\n",
        "feature\nIt’s fine\n",
        "label\nété\n",
    ],
)
def test_western_text_is_not_taken_for_japanese(text: str):
    assert encodings.guess(text.encode("cp1252")) == "WINDOWS-1252"


@pytest.mark.parametrize("text", ["label\n電話\n", "label\n京都\nグルメ\n", LABELS, FEATURES])
@pytest.mark.parametrize("encoding, name", [("cp932", "CP932"), ("euc_jp", "EUC-JP")])
def test_japanese_text_is_told_apart_by_its_encoding(text: str, encoding: str, name: str):
    assert encodings.guess(text.encode(encoding)) == name


def test_a_damaged_utf8_file_is_not_to_be_converted(tmp_path: Path):
    lay(tmp_path, FEATURES.encode() + b"\xe9\xfc\n")
    text = message(tmp_path)
    assert "line 6: expected UTF-8, found the byte 0xe9" in text
    assert text.endswith("The rest of the file is UTF-8: correct this line.")


def test_an_encoding_that_cannot_be_told_is_not_guessed(tmp_path: Path):
    lay(tmp_path, b"feature\n\x81\xff\x8d\xfe\x90\n")
    assert "iconv -f <its encoding> -t UTF-8" in message(tmp_path)


@pytest.mark.parametrize(
    "start, words", [(b"PK\x03\x04", "an Excel workbook"), (b"\x1f\x8b", "a gzip archive")]
)
def test_a_file_that_is_no_text_is_called_what_it_is(tmp_path: Path, start: bytes, words: str):
    lay(tmp_path, start + bytes(range(256)))
    text = message(tmp_path)
    assert text.startswith(f"{tmp_path}/features.csv: expected CSV, found {words}")
    assert text.endswith('save it from Excel as "CSV UTF-8 (Comma delimited)".')


def test_the_offset_counts_the_byte_order_mark(tmp_path: Path):
    lay(tmp_path, b"\xef\xbb\xbffeature\n" + "電波".encode("cp932") + b"\n")
    assert "line 2: expected UTF-8, found the byte 0x93 at offset 11" in message(tmp_path)
