"""Results are laid out as RapidJSON's PrettyWriter lays them out for TF Serving."""

import base64
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hosting.model_server.errors import ServingError
from hosting.model_server.graph import dtypes
from hosting.model_server.json import response as json_response
from hosting.model_server.json.decimals import decimal_string


class PrettyWriter:
    """RapidJSON's writer, state by state: the reference for the layout."""

    def __init__(self):
        self.out = []
        self.levels = []  # [is array, values so far]
        self.single_line = False

    def _indent(self):
        self.out.append(" " * 4 * len(self.levels))

    def _prefix(self):
        if not self.levels:
            return
        level = self.levels[-1]
        if level[0]:
            if level[1]:
                self.out.append(", " if self.single_line else ",")
            if not self.single_line:
                self.out.append("\n")
                self._indent()
        elif level[1] % 2:
            self.out.append(": ")
        else:
            self.out.append(",\n" if level[1] else "\n")
            self._indent()
        level[1] += 1

    def raw(self, text):
        self._prefix()
        self.out.append(text)

    def start(self, array):
        self._prefix()
        self.levels.append([array, 0])
        self.out.append("[" if array else "{")

    def end(self):
        array, count = self.levels.pop()
        if count and not (array and self.single_line):
            self.out.append("\n")
            self._indent()
        self.out.append("]" if array else "}")

    def tensor(self, value, as_bytes):
        if isinstance(value, list):
            self.start(True)
            for item in value:
                self.tensor(item, as_bytes)
            self.end()
        elif as_bytes:
            self.start(False)
            self.raw('"b64"')
            self.raw(json.dumps(base64.b64encode(value).decode()))
            self.end()
        elif isinstance(value, bytes):
            self.raw(json.dumps(value.decode(), ensure_ascii=False))
        elif isinstance(value, float):
            self.raw(decimal_string(value))
        else:
            self.raw(json.dumps(value))

    def rows(self, outputs):
        """MakeRowFormatJsonFromTensors"""
        self.start(False)
        self.raw('"predictions"')
        self.start(True)
        for index in range(len(outputs[0][2])):
            if len(outputs) > 1:
                self.start(False)
            self.single_line = True
            for name, dtype, array in outputs:
                if len(outputs) > 1:
                    self.raw(json.dumps(name))
                value = array[index]
                self.tensor(
                    value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value,
                    dtype == dtypes.STRING and name.endswith("_bytes"),
                )
            self.single_line = False
            if len(outputs) > 1:
                self.end()
        self.end()
        self.end()
        return "".join(self.out)

    def columns(self, outputs):
        """MakeColumnarFormatJsonFromTensors"""
        self.start(False)
        self.raw('"outputs"')
        if len(outputs) > 1:
            self.start(False)
        for name, dtype, array in outputs:
            if len(outputs) > 1:
                self.raw(json.dumps(name))
            self.tensor(array.tolist(), dtype == dtypes.STRING and name.endswith("_bytes"))
        if len(outputs) > 1:
            self.end()
        self.end()
        return "".join(self.out)


def _values(dtype, count):
    if dtype == dtypes.FLOAT:
        return st.lists(st.floats(width=32), min_size=count, max_size=count).map(
            lambda values: np.array(values, dtype=np.float32)
        )
    if dtype == dtypes.INT64:
        return st.lists(st.integers(-(1 << 63), (1 << 63) - 1), min_size=count, max_size=count).map(
            lambda values: np.array(values, dtype=np.int64)
        )
    if dtype == dtypes.BOOL:
        return st.lists(st.booleans(), min_size=count, max_size=count).map(
            lambda values: np.array(values, dtype=np.bool_)
        )

    def strings(values):
        array = np.empty(count, dtype=object)
        array[:] = [value.encode() for value in values]
        return array

    # Control characters are escaped in another letter case than Python's.
    letters = st.characters(
        min_codepoint=32, blacklist_categories=("Cs",), blacklist_characters="\x7f"
    )
    return st.lists(st.text(alphabet=letters, max_size=5), min_size=count, max_size=count).map(
        strings
    )


@st.composite
def results(draw, least_rank):
    """One to three outputs (name, dtype, array) with the same first dimension."""
    names = draw(
        st.lists(
            st.sampled_from(["a", "b", "text", "image_bytes"]), min_size=1, max_size=3, unique=True
        )
    )
    rows = draw(st.integers(1, 3))
    outputs = []
    for name in sorted(names):
        dtype = draw(st.sampled_from([dtypes.FLOAT, dtypes.INT64, dtypes.BOOL, dtypes.STRING]))
        inner = draw(st.lists(st.integers(0, 3), max_size=3))
        shape = [rows] + inner if least_rank or draw(st.booleans()) else inner
        count = int(np.prod(shape))
        outputs.append((name, dtype, draw(_values(dtype, count)).reshape(shape)))
    return outputs


@settings(max_examples=150, deadline=None)
@given(results(1))
def test_row_format_is_laid_out_as_rapidjson_does(outputs):
    assert json_response.row_format(outputs) == PrettyWriter().rows(outputs)


@settings(max_examples=150, deadline=None)
@given(results(0))
def test_column_format_is_laid_out_as_rapidjson_does(outputs):
    assert json_response.column_format(outputs) == PrettyWriter().columns(outputs)


def test_the_layout_that_clients_pin():
    x = np.array([3.5, 4.0, 5.5], dtype=np.float32)
    assert (
        json_response.row_format([("y", dtypes.FLOAT, x)])
        == '{\n    "predictions": [3.5, 4.0, 5.5\n    ]\n}'
    )
    assert (
        json_response.row_format([("y", dtypes.FLOAT, x.reshape(3, 1))])
        == '{\n    "predictions": [[3.5], [4.0], [5.5]\n    ]\n}'
    )
    assert (
        json_response.column_format([("y", dtypes.FLOAT, x[:2])])
        == '{\n    "outputs": [\n        3.5,\n        4.0\n    ]\n}'
    )
    assert (
        json_response.column_format([("y", dtypes.FLOAT, x[0].reshape(()))])
        == '{\n    "outputs": 3.5\n}'
    )
    assert json_response.row_format([("a", dtypes.FLOAT, x[:1]), ("b", dtypes.FLOAT, x[1:2])]) == (
        '{\n    "predictions": [\n        {\n            "a": 3.5,\n            "b": 4.0\n'
        "        }\n    ]\n}"
    )
    assert json_response.regressions(x) == '{\n    "results": [3.5, 4.0, 5.5]\n}'
    assert (
        json_response.classifications([[(b"pos", 0.5), (b"neg", 0.25)]])
        == '{\n    "results": [[["pos", 0.5], ["neg", 0.25]]\n    ]\n}'
    )


def test_control_characters_are_escaped_with_capital_digits():
    array = np.array([b'\x1f\x07"\\\n\x7f'], dtype=object)
    assert '"\\u001F\\u0007\\"\\\\\\n\x7f"' in json_response.row_format(
        [("text", dtypes.STRING, array)]
    )


@pytest.mark.parametrize("outputs, message", [
    ([("y", dtypes.FLOAT, np.float32(1).reshape(()))], "Tensor name: y has no shape information "),
    ([("y", dtypes.FLOAT, np.zeros((0, 2), np.float32))],
     "Tensor name: y has invalid batch size: 0"),
    ([("a", dtypes.FLOAT, np.zeros(2, np.float32)), ("b", dtypes.FLOAT, np.zeros(3, np.float32))],
     "Tensor name: b has inconsistent batch size: 3 expecting: 2"),
    ([("y", dtypes.HALF, np.zeros(2, np.float16))],
     "Failed to write JSON value for tensor type: half"),
])  # fmt: skip
def test_results_that_are_no_rows_are_refused_in_tf_servings_words(outputs, message):
    with pytest.raises(ServingError) as refused:
        json_response.row_format(outputs)
    assert refused.value.message == message
