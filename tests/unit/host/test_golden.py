"""golden requests: a signature read without TensorFlow, what fits it, and how answers compare."""

import json
import struct
from pathlib import Path

import pytest
from test_package_own import HANDLER, write

from train2deploy import answers, golden, signature
from train2deploy.errors import JobFailed, UserError
from train2deploy.package_code import ENCODING_FILES
from train2deploy.requests import Request
from train2deploy.signature import Signature, Tensor

FLOAT, INT64, STRING, COMPLEX = 1, 9, 7, 8


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    found = b""
    while value > 0x7F:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(dtype: int, shape: list[int] | None) -> bytes:
    dims = [field(2, field(1, size)) for size in shape or ()]
    return field(2, dtype) + field(3, field(3, 1) if shape is None else b"".join(dims))


def saved_model(tag: bytes = b"serve", **signatures: dict[str, bytes]) -> bytes:
    """As TensorFlow writes one, with a graph of fields that are not read."""
    graph = field(1, b"nodes") + b"\x11" + struct.pack("<d", 1.0) + b"\x1d" + struct.pack("<f", 2.0)
    meta = field(1, field(4, tag)) + field(2, graph)
    for name, inputs in signatures.items():
        maps = b"".join(field(1, field(1, k.encode()) + field(2, v)) for k, v in inputs.items())
        meta += field(5, field(1, name.encode()) + field(2, maps + field(3, b"predict")))
    return field(1, 1) + field(2, meta)


DEFAULT = {"serving_default": {"b": tensor(INT64, [-1, 64]), "a": tensor(FLOAT, None)}}


@pytest.fixture
def version(tmp_path: Path) -> Path:
    return write(tmp_path / "1", {"saved_model.pb": saved_model(**DEFAULT)})


def test_the_default_signature_is_read(version: Path):
    assert signature.read(version) == Signature(
        "serving_default", {"a": Tensor(FLOAT, None), "b": Tensor(INT64, (-1, 64))}
    )


def test_without_a_default_the_first_one_is(version: Path):
    content = saved_model(z={"x": tensor(STRING, [-1])}, m={"x": tensor(STRING, [])})
    (version / "saved_model.pb").write_bytes(content)
    assert signature.read(version) == Signature("m", {"x": Tensor(STRING, ())})


@pytest.mark.parametrize(
    "content, said",
    [
        (saved_model(), "has no signature"),
        (saved_model(tag=b"train", **DEFAULT), "has no signature"),
        (saved_model(**DEFAULT)[:-5], "is not a SavedModel that can be read"),
        (b"\x08\x01\x12\xff", "is not a SavedModel that can be read"),
        (b"\x08" + b"\xff" * 11, "is not a SavedModel that can be read"),
    ],
)
def test_what_cannot_be_asked_is_told(version: Path, content: bytes, said: str):
    (version / "saved_model.pb").write_bytes(content)
    with pytest.raises(UserError, match=said):
        signature.read(version)


def test_requests_fit_the_shapes_and_try_sizes_for_what_is_left_open():
    found = Signature("s", {"x": Tensor(FLOAT, (-1, -1)), "y": Tensor(STRING, ())}).requests()
    assert [len(each["x"][0]) for each in found] == [4, 32, 128]
    assert all(len(each["x"]) == 3 and each["y"] == "text 1" for each in found)
    (only,) = Signature("s", {"x": Tensor(INT64, (-1, 2))}).requests()
    assert only == {"x": [[0, 1], [0, 1], [0, 1]]}


def test_types_that_json_does_not_have_get_no_request():
    assert Signature("s", {"x": Tensor(COMPLEX, (1,))}).requests() == []


ONE, TWO = {"x": Tensor(FLOAT, (-1,))}, {"x": Tensor(FLOAT, (-1,)), "y": Tensor(FLOAT, (-1,))}


@pytest.mark.parametrize(
    "inputs, body, expected",
    [
        (ONE, {"instances": [1, 2]}, {"x": [1, 2]}),
        (ONE, {"instances": [{"x": 1}]}, {"x": [1]}),
        (ONE, {"instances": [{"b64": "YQ=="}]}, {"x": [{"b64": "YQ=="}]}),
        (ONE, {"inputs": [1]}, {"x": [1]}),
        (ONE, {"inputs": {"x": [1]}}, {"x": [1]}),
        (TWO, {"instances": [{"x": 1, "y": 2}]}, {"x": [1], "y": [2]}),
        (TWO, {"instances": [1]}, None),
        (TWO, {"inputs": [1]}, None),
        (ONE, {"q": "text"}, None),
        (ONE, [1], None),
    ],
)
def test_a_given_request_is_read_as_the_model_server_reads_it(inputs, body, expected):
    assert Signature("s", inputs).given(json.dumps(body).encode()) == expected


def test_what_a_package_is_asked_depends_on_its_code(project: Path, version: Path):
    model_dir, given = version.parent, Request(b"1,2", "text/csv")
    (request,), left = golden.other_requests(model_dir, None)
    assert json.loads(request.body)["signature_name"] == "serving_default" and left == ""
    assert golden.other_requests(model_dir, given) == ([given], "")
    write(model_dir, {"2/saved_model.pb": b"", "b/1/saved_model.pb": b""})
    assert "it holds 2 models" in golden.other_requests(model_dir, None)[1]
    write(model_dir, {"code/inference.py": HANDLER})
    assert not golden.reads_sentences(model_dir)
    with pytest.raises(UserError, match=r"its inference.py is not ours: .* REQUEST=<file>"):
        golden.comparable(model_dir, None)
    write(model_dir / "code", dict.fromkeys(["encoding.py", *ENCODING_FILES], b""))
    (request,) = golden.comparable(model_dir, None)
    assert json.loads(request.body)["q"][0] == golden.FIRST_SENTENCE


def test_the_first_request_that_is_answered_counts():
    def ask(request: Request) -> bytes:
        if request.body == b"no":
            raise JobFailed("refused")
        return b"yes"

    assert golden.first_answer([Request(b"no"), Request(b"ok")], ask) == (Request(b"ok"), b"yes")
    with pytest.raises(JobFailed, match="refused"):
        golden.first_answer([Request(b"no")], ask)


@pytest.mark.parametrize(
    "one, other, expected",
    [
        (b"[1.0, 2]", b"[1, 2.5]", 0.2),
        (b"[NaN]", b"[NaN]", 0.0),
        (b"[NaN]", b"[1]", float("inf")),
        (b'{"a": 1}', b'{"b": 1}', float("inf")),
        (b"[1]", b"[1, 1]", float("inf")),
        (b"[true]", b"[1]", float("inf")),
        (b"1,2\n3,4", b"1,2\n3,4", 0.0),
        (b"a", b"b", float("inf")),
        (b"\xff", b"\xff", 0.0),
    ],
)
def test_answers_are_compared_by_their_numbers(one: bytes, other: bytes, expected: float):
    assert answers.compared(one, other) == expected
