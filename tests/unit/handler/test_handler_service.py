"""The stream and the context a handler is given, the loader, the search path.

docs/contract.md#a7
"""

import io
import os
import sys

import pytest
from gunicorn.http import body
from hypothesis import given
from hypothesis import strategies as st

from hosting.handler_service.context import Context2019, ContextHead, rest_uri, tfs_attributes
from hosting.handler_service.loader import load_handler
from hosting.handler_service.multi_model import port_pools
from hosting.handler_service.paths import extend_search_path
from hosting.handler_service.worker import Body

sizes = st.one_of(st.none(), st.integers(-2, 12))
calls = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["read", "readline"]), sizes),
        st.tuples(st.just("readlines"), sizes),
        st.tuples(st.just("next"), st.none()),
    ),
    max_size=8,
)


class Unreader:
    """What gunicorn's body reads from: a socket's bytes."""

    def __init__(self, data):
        self._stream = io.BytesIO(data)

    def read(self, size=None):
        return self._stream.read(7 if size is None else min(size, 7))

    def unread(self, data):
        self._stream = io.BytesIO(data + self._stream.read())


def apply(body, name, size):
    if name == "next":
        return next(body, b"<end>")
    return getattr(body, name)(size)


@given(st.binary(max_size=40), calls)
def test_a7_the_stream_reads_as_gunicorns(data, sequence):
    data = data.replace(b"\x00", b"\n")
    ours, theirs = (cls(body.LengthReader(Unreader(data), len(data))) for cls in (Body, body.Body))
    for name, size in sequence:
        assert apply(ours, name, size) == apply(theirs, name, size)


def test_a7_the_stream_is_gunicorns_body():
    stream = Body(body.LengthReader(Unreader(b"abc"), 3))
    assert isinstance(stream, body.Body) and type(stream).__name__ == "Body"
    assert (stream.buf.getvalue(), stream.reader.length, stream.getsize(-1)) == (
        b"",
        3,
        sys.maxsize,
    )
    stream.seen = True  # handlers keep what they like on it
    with pytest.raises(TypeError):
        stream.read("1")


def test_a7_context_fields_are_in_the_containers_order():
    assert ContextHead._fields == Context2019._fields[:5] + ("channel",) + Context2019._fields[5:]
    assert type(Context2019(*range(9))).__name__ == "Context"


def test_a6_attributes_with_two_equals_signs_are_an_error():
    assert tfs_attributes(None) == tfs_attributes("x=1") == {}
    with pytest.raises(ValueError):
        tfs_attributes("tfs-method=a=b")


def test_a7_rest_uri_prefers_the_address_over_the_attributes():
    attributes = {"tfs-model-name": "a", "tfs-model-version": "2", "tfs-method": "classify"}
    assert rest_uri(1, attributes, "d") == "http://localhost:1/v1/models/a/versions/2:classify"
    assert rest_uri(1, {}, "d") == "http://localhost:1/v1/models/d:predict"
    assert rest_uri(1, attributes, "d", "x").startswith("http://localhost:1/v1/models/x/")


@pytest.fixture
def script(tmp_path):
    def make(text):
        path = tmp_path / "inference.py"
        path.write_text(text)
        return str(path)

    return make


def test_a7_the_script_is_loaded_as_inference_but_not_registered(script):
    handler = load_handler(script("def handler(data, context):\n    return __name__, None\n"))
    assert handler(None, None) == ("inference", None)
    assert "inference" not in sys.modules


def test_a7_a_process_without_the_pair_does_not_import_requests(script):
    import subprocess

    path = script("def handler(data, context):\n    pass\n")
    code = (
        "import sys; from hosting.handler_service.loader import load_handler; "
        'load_handler(%r); print("requests" in sys.modules, "numpy" in sys.modules)' % path
    )
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    output = subprocess.check_output([sys.executable, "-c", code], env=env)
    assert output.split() == [b"False", b"False"]


@pytest.mark.parametrize("text", [
    "x = 1", "def input_handler(d, c): pass", "def output_handler(r, c): pass"])  # fmt: skip
def test_a7_missing_handlers_are_not_implemented(script, text):
    with pytest.raises(NotImplementedError):
        load_handler(script(text))


def test_a7_search_path(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", ["/std", "/x/site-packages"])
    (tmp_path / "lib").mkdir()
    extend_search_path(str(tmp_path), "/packages")
    assert sys.path == [
        str(tmp_path / "lib"),
        str(tmp_path),
        "/std",
        "/packages",
        "/x/site-packages",
    ]


def test_a7_search_path_of_the_last_container_ends_with_what_it_adds(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", ["/std"])
    extend_search_path(str(tmp_path), contract="head")
    assert sys.path == [str(tmp_path), "/std", os.path.join(sys.prefix, "head")]


def test_a7_search_path_without_lib(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", ["/std"])
    extend_search_path(str(tmp_path))
    assert sys.path == [str(tmp_path), "/std"]


@pytest.mark.parametrize("low, high", [(14000, 14999), (1, 11), (5, 6)])
def test_a10_port_pools_are_disjoint_and_within_nine_tenths(low, high):
    rest, grpc = port_pools(low, high)
    assert not set(rest) & set(grpc)
    assert all(low <= port < low + (high - low) * 0.9 for port in rest + grpc)
    assert abs(len(rest) - len(grpc)) <= 1
