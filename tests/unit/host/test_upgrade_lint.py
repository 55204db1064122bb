"""What upgrade-check finds in a package by its files alone, and what it leaves in peace."""

import re
import textwrap

import pytest

from train2deploy import paths, signature
from train2deploy.upgrade import cases, lint, wheels

ALL = ("2019", "head", "today")
PAGE = (paths.ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
ANCHORS = set(re.findall(r'<a id="([\w-]+)">', PAGE))
SAFE = """
    import json
    import os
    from collections.abc import Mapping

    def handler(data, context):
        model, version = context.model_name, context.model_version
        first, *rest = json.loads(data.read())
        pairs = [(1, 2, 3, 4, 5, 6, 7, 8, 9)]
        a, b, c, d, e, f, g, h, i = pairs[0]
        return json.dumps({"rows": rest[5]}), context.accept_header
"""


@pytest.fixture
def package(whole, monkeypatch):
    """The same without what other Pythons say of it."""
    monkeypatch.setattr(lint, "_compiled", lambda code: [])
    monkeypatch.setattr(lint, "_import_time", lambda code: [])
    return whole


@pytest.fixture
def whole(tmp_path):
    """Makes a package of files by name; returns its findings as lines."""

    def findings(files, contracts=ALL, requests=()):
        for name, text in {"1/saved_model.pb": "", **files}.items():
            path = tmp_path / "model" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        found = lint.findings(tmp_path / "model", contracts, requests)
        assert {each.section for each in found} <= ANCHORS
        return [str(each) for each in found]

    return findings


def one(found):
    assert len(found) == 1, found
    return found[0]


def code(text):
    return {"code/inference.py": text}


def test_a_package_that_suits_all_containers_has_no_findings(whole):
    files = {**code(SAFE), "code/requirements.txt": "requests==2.22.0\nnumpy>=1.16\nawscli\n"}
    assert whole(files) == []


@pytest.mark.parametrize(
    "statement, said",
    [
        ("a, b, c, d, e, f, g, h, i = context", "unpacks 9 fields"),
        ("(a, b, c, d, e, f, g, h, i, j) = context", "unpacks 10 fields"),
        ("ctx = context; [a, b, c, d, e, f, g, h, i, j] = ctx", "unpacks 10 fields"),
        ("a, b, c, d, e, f, g, *rest = context", "by the order of its fields"),
        ("kind = context[6]", "takes field 6 of a context"),
        ("kind = context[-1]", "takes field -1 of a context"),
        ("other(*context)", "hands a context's fields on"),
    ],
)
def test_code_that_hangs_on_the_number_or_order_of_a_contexts_fields(package, statement, said):
    found = one(package(code(f"def handler(data, context):\n    {statement}\n")))
    assert found.startswith("code/inference.py, line 2: ") and said in found


def test_the_context_is_the_second_argument_whatever_it_is_called(package):
    text = "def input_handler(data, info):\n    a, b, c, d, e, f, g, h, i, j = info\n"
    assert "line 2: unpacks 10" in one(package(code(text)))


def test_ten_fields_suit_the_final_container_and_nine_only_that_of_2019(package):
    ten = code("def handler(d, context):\n    a, b, c, d, e, f, g, h, i, j = context\n")
    assert package(ten, ("2019", "head")) == []
    nine = code("def handler(d, context):\n    a, b, c, d, e, f, g, h, i = context\n")
    assert "unpacks 9" in one(package(nine, ("2019", "head")))


@pytest.mark.parametrize(
    "statement, said",
    [
        ("import tensorflow as tf", "imports tensorflow, which today's container does not hold"),
        ("from tensorflow.keras import layers", "imports tensorflow,"),
        ("from tensorflow_serving.apis import predict_pb2", "imports tensorflow_serving,"),
        ("import importlib; keras = importlib.import_module('keras')", "imports keras,"),
        ("def f():\n    from PIL import Image", "imports PIL,"),
        ("import distutils.util", "Python 3.12 no longer has: use setuptools"),
        ("import imp", "use importlib"),
        ("import time; time.clock()", "there is no time.clock any more: use time.perf_counter"),
        ("from collections import Mapping", "use collections.abc.Mapping"),
        ("import collections as c\nx = c.Callable", "use collections.abc.Callable"),
        ("import falcon", "falcon, which is 3.1"),
        ("import numpy as np\nx = np.float(1)", "there is no numpy.float any more: use float"),
        ("import pkg_resources", "use importlib.metadata"),
    ],
)
def test_modules_and_names_that_todays_python_does_not_have(package, statement, said):
    found = one(package(code(f"{statement}\ndef handler(data, context): pass\n")))
    assert said in found


def test_messages_of_an_old_protoc(package):
    old = "from google.protobuf import descriptor as d\nX = d.FieldDescriptor(name='x')\n"
    files = {**code("import a_pb2\ndef handler(d, c): pass\n"), "code/a_pb2.py": old}
    assert one(package(files)).startswith("code/a_pb2.py: an old protoc made it")


@pytest.mark.parametrize(
    "files",
    [
        {"code/requirements.txt": "tensorflow>=2.16\n"},
        {"code/lib/tensorflow/__init__.py": ""},
        {"code/tensorflow.py": ""},
    ],
)
def test_what_a_package_brings_itself_is_not_missing(package, files):
    assert package({**code("import tensorflow\ndef handler(d, c): pass\n"), **files}) == []


def test_an_import_that_may_fail_and_words_in_texts_are_no_findings(package):
    text = """
        try:
            import tensorflow
        except ImportError:
            tensorflow = None
        SAID = "import keras"  # import keras
        def handler(data, context): pass
    """
    assert package(code(text)) == []


def test_an_output_handler_that_looks_at_the_status_is_told_that_it_need_not(package):
    text = """
        def input_handler(data, context): pass
        def output_handler(response, context):
            if response.status_code != 200:
                raise ValueError
    """
    assert "line 4: output_handler looks at .status_code" in one(package(code(text)))


def test_syntax_that_todays_python_refuses_or_warns_about(whole):
    text = 'import re\nasync = 1\ndef handler(data, context): pass\n'
    if not lint.can_compile():
        pytest.skip("no Python 3.12 here")
    assert "code/inference.py, line 2: Python 3.12 refuses it" in one(whole(code(text)))


def test_a_warning_counts_in_own_code_and_not_in_the_packages_of_others(whole):
    if not lint.can_compile():
        pytest.skip("no Python 3.12 here")
    text = 'PATTERN = "\\d"\ndef handler(data, context): pass\n'
    files = {**code(text), "code/lib/other.py": 'PATTERN = "\\d"\n'}
    assert "code/inference.py, line 1: Python 3.12 warns: " in one(whole(files))


def extension(package, name, wheel=""):
    files = {**code("def handler(d, c): pass\n"), f"code/lib/{name}": ""}
    if wheel:
        files["code/lib/thing-1.2.dist-info/WHEEL"] = f"Root-Is-Purelib: false\nTag: {wheel}\n"
    return package(files)


@pytest.mark.parametrize(
    "name, wheel",
    [
        ("_thing.cpython-36m-x86_64-linux-gnu.so", ""),
        ("thing/speed.cpython-37m-x86_64-linux-gnu.so", "cp37-cp37m-manylinux1_x86_64"),
        ("thing/speed.so", "cp36-cp36m-manylinux1_x86_64"),
        ("_thing.pyc", ""),
    ],
)
def test_extension_modules_of_another_python(package, name, wheel):
    found = one(extension(package, name, wheel))
    assert found.startswith(f"code/lib/{name}: ") and "for another Python than 3.12" in found
    assert not wheel or "thing 1.2 is compiled" in found


@pytest.mark.parametrize(
    "name, wheel",
    [
        ("_thing.cpython-312-x86_64-linux-gnu.so", ""),
        ("_thing.abi3.so", ""),
        ("thing/speed.so", "cp36-abi3-manylinux1_x86_64"),
        ("thing/libspeed.so", "py2.py3-none-manylinux1_x86_64"),
        ("thing/__pycache__/speed.cpython-36.pyc", ""),
    ],
)
def test_extension_modules_that_todays_python_loads(package, name, wheel):
    assert extension(package, name, wheel) == []


def test_each_package_is_named_once_and_what_it_says_of_python_counts(package):
    files = {
        **code("def handler(d, c): pass\n"),
        "code/lib/thing/a.cpython-36m-x86_64-linux-gnu.so": "",
        "code/lib/thing/b.cpython-36m-x86_64-linux-gnu.so": "",
        "code/lib/thing-1.2.dist-info/METADATA": "Requires-Python: <3.10\n",
        "code/lib/other-3.dist-info/METADATA": "Name: other\nRequires-Python: >=3.6,<3.9\n",
        "code/lib/fine-3.dist-info/METADATA": "Requires-Python: >=3.6\n",
    }
    found = package(files)
    assert [line.partition(" is ")[0] for line in found] == [
        "code/lib/thing/a.cpython-36m-x86_64-linux-gnu.so: thing 1.2", "code/lib: other 3"]


@pytest.mark.parametrize(
    "line, said",
    [
        ("numpy==1.16.4", "numpy==1.16.4: has no wheel for Python 3.12; the first that has"),
        ("pandas<2", "pandas<2: has no wheel"),
        ("Scikit_Learn~=1.0.2", "the first that has is 1.3.1"),
        ("scipy == 1.5.* ; python_version >= '3'", "has no wheel"),
        ("enum34", "leave it out"),
        ("tensorflow-gpu==1.13.1", "it is tensorflow"),
        ("https://host/thing-1.0-cp36-cp36m-manylinux1_x86_64.whl", "is a wheel for cp36"),
    ],
)
def test_requirements_that_pip_would_not_find(package, line, said):
    files = {**code("def handler(d, c): pass\n"), "code/requirements.txt": f"# all\n\n{line}\n"}
    found = one(package(files))
    assert found.startswith("code/requirements.txt, line 3: ") and said in found


@pytest.mark.parametrize(
    "line",
    ["numpy", "numpy>=1.16", "numpy!=1.20", "numpy==1.26.*", "numpy==2.1.3", "numpy>1.25,<2",
     "pandas==2.2.3 --hash=sha256:00", "numpy==1.16 ; python_version < '3.8'", "six==1.12.0",
     "git+https://host/x.git", "-r more.txt", "./thing-1-py3-none-any.whl", "numpy \\\n  >=1.0",
     "https://host/thing-1.0-cp312-cp312-manylinux1_x86_64.whl"],
)  # fmt: skip
def test_requirements_that_pip_finds_or_of_which_nothing_is_known(package, line):
    files = {**code("def handler(d, c): pass\n"), "code/requirements.txt": f"{line}\n"}
    assert package(files) == []


@pytest.mark.parametrize("name", ["code/requirements.txt", "code/lib/thing.py"])
def test_packages_without_a_script_turn_the_default_handler_on(package, name):
    found = one(package({name: "six\n" if name.endswith("txt") else ""}))
    assert "default handler" in found and found.startswith(("code/requirements.txt:", "code/lib:"))


def test_names_that_the_container_or_python_would_take_for_its_own(package):
    files = {**code("import tfs_utils\ndef handler(d, c): pass\n"), "code/tfs_utils.py": ""}
    files |= {"code/random.py": "", "code/both.py": "", "code/lib/both.py": ""}
    assert [line.partition(": ")[0] for line in package(files)] == [
        "code/tfs_utils.py", "code/random.py", "code/both"]


def test_several_models_versions_and_a_name_that_no_request_can_say(package):
    files = {"half plus/2/saved_model.pb": "", "half plus/1/saved_model.pb": ""}
    found = package(files)
    assert [line.partition(": ")[0] for line in found] == [
        "half plus, model", "model half plus", "model half plus"]
    assert "versions 1, 2" in found[1] and "no request can name it" in found[2]


def test_an_import_that_takes_longer_than_gunicorn_waits(whole, monkeypatch):
    if not any((lint.paths.VENVS / each).exists() for each in ("handler", "handler-today")):
        pytest.skip("no environment of the handler here")
    monkeypatch.setenv("SAGEMAKER_GUNICORN_TIMEOUT_SECONDS", "0")
    text = "import time\ntime.sleep(0.01)\ndef handler(data, context): pass\n"
    assert "to import here, and gunicorn waits 0 s" in one(whole(code(text)))


def asked(body, kind="text/csv", attributes=""):
    return [cases.Case(cases.YOURS, "line 1", cases.Request(body.encode(), kind),
                       attributes=attributes)]  # fmt: skip


@pytest.mark.parametrize(
    "body, said",
    [
        ("a,b,c", "3 texts"),
        ("1.0,2.0\n1,,3", "line 2: a blank field was refused"),
        ("1,", "a blank field was refused"),
        ('"12"', "was a text, and is a number today"),
        ("a,1", "1 was a text, and is a number today"),
        ("+1,2", "'+1', which is not a JSON number, was refused"),
        ("1,NaN", "NaN was taken as JSON, and is a text today"),
        ("1,true", "true was taken as JSON"),
        ("east,west", "'east', which is not a JSON number, was refused"),
        ('say "hi"', "quotes were part of the text"),
        ('"say ""hi"""', "its quotes, commas and blanks are read"),
        ('"a\\nb"', "its quotes, commas and blanks are read"),
    ],
)
def test_csv_that_means_something_else_today(package, body, said):
    assert said in one(package({}, requests=asked(body)))


@pytest.mark.parametrize(
    "body", ["1.0,2.0\r\n3,4e-5\n\n", "1\n2", "north,west", "word", '"a b","c"']
)
def test_csv_that_means_the_same_today(package, body):
    assert package({}, requests=asked(body)) == []


@pytest.mark.parametrize("kind", ["application/jsonlines", "Application/JSON; charset=utf-8", ""])
def test_json_lines_of_which_today_answers_the_first_alone(package, kind):
    for body in ('{"inputs": [1]}\n{"inputs": [2]}', ' {"x": 1, "inputs": [1]} {"x": []}'):
        said = one(package({}, requests=asked(body, kind)))
        assert "the first line alone, with 200, and drops the others" in said


@pytest.mark.parametrize(
    "body",
    ['{"x": 1}\n{"x": 2}', "[1]\n[2]", '{"inputs": [1]}\n', '{"inputs": [{"inputs": 1}]}', "["],
)
def test_json_that_today_reads_whole(package, body):
    assert package({}, requests=asked(body, "application/jsonlines")) == []


def test_what_a_handler_makes_of_json_lines_only_it_knows(package):
    lines = asked('{"inputs": [1]}\n{"inputs": [2]}', "application/jsonlines")
    assert package(code("def handler(d, c): pass\n"), requests=lines) == []


def test_a_model_whose_input_is_called_as_a_request_is(package, monkeypatch):
    def found(*names):
        inputs = dict.fromkeys(names, signature.Tensor(1, (-1,)))
        monkeypatch.setattr(signature, "read", lambda version: signature.Signature("s", inputs))
        return package({})

    assert "model model: has an input inputs: of JSON lines" in one(found("inputs", "more"))
    assert found("x", "input") == []


@pytest.mark.parametrize(
    "attributes, count",
    [("tfs-model-name=a b", 1), ("tfs-model-version=v1,tfs-method=guess", 2),
     ("tfs-model-name=a=b", 1), ("tfs-model-name=half_plus-3.5,tfs-model-version=007", 0),
     ("trace=a b", 0)],
)  # fmt: skip
def test_custom_attributes_that_today_refuses(package, attributes, count):
    found = package({}, requests=asked("{}", "application/json", attributes))
    assert len(found) == count and all("refuses the custom attribute tfs-" in one for one in found)


def test_only_the_contracts_that_are_compared_have_findings(package):
    files = {**code("import imp\ndef handler(d, c): pass\n"), "2/saved_model.pb": ""}
    assert len(package(files)) == 2
    assert "versions 1, 2" in one(package(files, ("2019", "head")))
    assert "imports imp" in one(package(files, ("head", "today")))


def test_every_first_release_is_a_version():
    assert all(wheels.Version(text) for text in wheels.FIRST.values())
