"""The command line, the model configuration and the versions it asks for.

docs/contract.md#a2
"""

import os
import subprocess
import sys

import pytest

from hosting.model_server import flags, model_config
from hosting.model_server.errors import ServingError
from hosting.model_server.model_config import ModelSettings


def parse(*arguments):
    return flags.parse(arguments + ("--model_base_path=/models",))


def test_flags_have_tf_servings_defaults():
    values = parse()
    assert (values.port, values.rest_api_port, values.model_name) == (8500, 0, "default")
    assert (values.enable_batching, values.max_num_load_retries) == (False, 5)
    assert values.rest_api_timeout_in_ms == 30000


def test_flags_are_read_in_the_form_name_equals_value():
    values = parse(
        "--port=9000",
        "--rest_api_port=8501",
        "--model_config_file=/a=b.cfg",
        "--tensorflow_intra_op_parallelism=2",
        "--saved_model_tags=a,b",
    )
    assert (values.port, values.rest_api_port, values.model_config_file) == (9000, 8501, "/a=b.cfg")
    assert (values.tensorflow_intra_op_parallelism, values.saved_model_tags) == (2, "a,b")


@pytest.mark.parametrize("text, value", [
    ("--enable_batching", True), ("--enable_batching=true", True), ("--enable_batching=false",
                                                                    False)])  # fmt: skip
def test_a_boolean_flag_may_stand_alone(text, value):
    assert parse(text).enable_batching is value


@pytest.mark.parametrize("argument, wrong", [
    ("--nonsense=1", "--nonsense=1"), ("-port=9000", "-port=9000"), ("--por=9000", "--por=9000"),
    ("--ssl_config_file=x", "--ssl_config_file=x"), ("--model_name", "expected one argument"),
    ("--port=x", "'x'"), ("--port=1.5", "'1.5'"), ("--port=99999999999", "'99999999999'"),
    ("--enable_batching=yes", "'yes'"), ("--per_process_gpu_memory_fraction=half", "'half'"),
    ("--model_base_path=", "--model_base_path or --model_config_file is needed")])  # fmt: skip
def test_a_wrong_command_line_is_refused(argument, wrong, capsys):
    with pytest.raises(SystemExit):
        flags.parse(["--model_base_path=/models", argument])
    assert wrong in capsys.readouterr().err


def test_the_command_tells_its_version():
    answer = subprocess.run(
        [sys.executable, "-m", "hosting.model_server", "--version"],
        stdout=subprocess.PIPE,
        check=True,
    )
    assert answer.stdout.splitlines()[1] == b"TensorFlow Library: 1.13.1"


@pytest.mark.parametrize("arguments, message", [
    (["--model_config_file={tmp}/none"], "{tmp}/none; No such file"),
    (["--model_config_file={tmp}/bad"], "Invalid protobuf file: '{tmp}/bad'"),
    (["--model_base_path=/x", "--batching_parameters_file={tmp}/bad"],
     "You supplied --batching_parameters_file without --enable_batching"),
])  # fmt: skip
def test_the_command_says_why_it_cannot_start(tmp_path, arguments, message):
    (tmp_path / "bad").write_text("no protobuf {{{")
    answer = subprocess.run(
        [sys.executable, "-m", "hosting.model_server", "--port=0"]
        + [argument.format(tmp=tmp_path) for argument in arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert answer.returncode == 255
    assert "Failed to start server. Error: " in answer.stdout.decode()
    assert message.format(tmp=tmp_path) in answer.stdout.decode()


# -- ModelServerConfig ----------------------------------------------------------------------


def read(tmp_path, text):
    path = tmp_path / "models.cfg"
    path.write_text(text)
    return model_config.read_model_config(str(path))


def test_a2_the_containers_2019_configuration_means_the_latest_version(tmp_path):
    (model,) = read(
        tmp_path,
        """
        model_config_list: {
          config: {
            name: "half_plus_three",
            base_path: "/opt/ml/model/half_plus_three",
            model_platform: "tensorflow"
          },
        }""",
    )
    assert (model.name, model.base_path) == ("half_plus_three", "/opt/ml/model/half_plus_three")
    assert model.policy == ("latest", 1)


def test_a2_the_containers_later_configuration_names_its_versions(tmp_path):
    (model,) = read(
        tmp_path,
        """
        model_config_list: {
          config: {
            name: "m",
            base_path: "/m",
            model_platform: "tensorflow",
            model_version_policy: {
              specific: {
                versions: 123
                versions: 124
              }
            }
          },
        }""",
    )
    assert model.policy == ("specific", (123, 124))


@pytest.mark.parametrize("policy, expected", [
    ("", ("latest", 1)), ("model_version_policy { latest { num_versions: 3 } }", ("latest", 3)),
    ("model_version_policy { latest { } }", ("latest", 1)),
    ("model_version_policy { all { } }", ("all", None))])  # fmt: skip
def test_a2_version_policies(tmp_path, policy, expected):
    (model,) = read(
        tmp_path,
        'model_config_list { config { name: "m" base_path: "/m" '
        'model_platform: "tensorflow" %s } }' % policy,
    )
    assert model.policy == expected


CONFIG = 'config { name: "m" base_path: "/m" model_platform: "tensorflow" }'


@pytest.mark.parametrize("text, message", [
    ("model_config_list { %s %s }" % (CONFIG, CONFIG),
     "Illegal to list model m multiple times in config list"),
    ('model_config_list { config { name: "m" base_path: "m" model_platform: "tensorflow" } }',
     "Expected model m to have an absolute path or URI; got base_path()=m"),
    ('model_config_list { config { name: "m" base_path: "/m" } }',
     "Illegal setting neither ModelServerConfig::model_type"),
    ('model_config_list { config { name: "m" base_path: "/m" model_platform: "caffe" } }',
     "caffe"),
    ("custom_model_config { }", "ModelServer does not yet support custom model config."),
    ("model_config_list { nonsense: 1 }", "Invalid protobuf file"),
])  # fmt: skip
def test_a_wrong_configuration_is_refused(tmp_path, text, message):
    with pytest.raises(ServingError) as refused:
        read(tmp_path, text)
    assert message in refused.value.message


@pytest.mark.parametrize(
    "policy, expected",
    [
        (("latest", 1), [124]),
        (("latest", 2), [20, 124]),
        (("latest", 9), [3, 20, 124]),
        (("all", None), [3, 20, 124]),
        (("specific", (3, 124)), [3, 124]),
        (("specific", (7,)), []),
    ],
)
def test_a2_the_versions_to_serve_are_the_numeric_folders_the_policy_picks(
    tmp_path, policy, expected
):
    for name in ("00000124", "20", "3", "code", ".hidden", "5x", "-7", "9" * 20):
        (tmp_path / name).mkdir()
    (tmp_path / "999").write_text("a file, not a folder")
    settings = ModelSettings("m", str(tmp_path), policy)
    aspired = settings.aspired(lambda name, message: None)
    assert sorted(aspired) == expected
    if 124 in aspired:
        assert aspired[124] == os.path.join(str(tmp_path), "00000124")


@pytest.mark.parametrize("folder, policy, message", [
    ("missing", ("latest", 1), "Could not find base path {tmp}/missing for servable m"),
    ("", ("latest", 1), "No versions of servable m found under base path {tmp}/"),
    ("", ("specific", (4,)), "Version 4 of servable m, which was requested"),
])  # fmt: skip
def test_what_is_missing_is_said(tmp_path, folder, policy, message):
    said = []
    settings = ModelSettings("m", os.path.join(str(tmp_path), folder), policy)
    assert settings.aspired(lambda name, text: said.append(text)) == {}
    assert message.format(tmp=tmp_path) in said[0]
