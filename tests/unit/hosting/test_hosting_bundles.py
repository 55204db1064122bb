"""Discovery and the model server's configuration (docs/contract.md#a2)."""

import os

import pytest

from hosting.bundles import Model, batching_config, find_models, model_config


@pytest.fixture
def archive(tmp_path):
    def make(*names):
        for name in names:
            path = tmp_path / "somewhere" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
        (tmp_path / "somewhere").mkdir(exist_ok=True)
        return str(tmp_path / "somewhere")

    return make


@pytest.mark.parametrize("files, names", [
    (["1/saved_model.pb"], ["model"]),          # named after /opt/ml/model
    (["Servo/1/saved_model.pb"], ["Servo"]),
    (["a/b/c/0001/saved_model.pb"], ["c"]),
    (["export/Servo/123/saved_model.pb"], ["Servo"]),
    (["half_plus_three/00000123/saved_model.pb"], ["half_plus_three"]),
    (["a/1/saved_model.pb", "a/2/saved_model.pb", "code/b/1/saved_model.pb"], ["a", "b"]),
    (["a/1/saved_model.pb", "b/x1/saved_model.pb", "c/saved_model.pb",
      "d/1/saved_model.pbtxt", "saved_model.pb"], ["a"]),
    (["a/1/saved_model.pb", "a/.2/saved_model.pb", "a/1.5/saved_model.pb"], ["a"]),
    (["saved_model.pb", "a/saved_model.pb", "b/v1/saved_model.pb", "c/1/model.pb"], []),
    ([], []),
])  # fmt: skip
def test_a2_models_are_found(archive, files, names):
    assert sorted(model.name for model in find_models(archive(*files))) == names


def test_a2_a_numeric_model_directory_is_no_version_of_its_parent(tmp_path):
    root = tmp_path / "123"
    root.mkdir()
    (root / "saved_model.pb").write_text("")
    assert find_models(str(root)) == []


def test_a2_a_relative_path_and_a_slash_at_the_end_do_not_matter(archive, monkeypatch):
    root = archive("1/saved_model.pb")
    monkeypatch.chdir(os.path.dirname(root))
    (model,) = find_models("somewhere/")
    assert (model.name, model.base_path) == ("model", root)


def test_a2_config_of_2019_has_no_version_policy():
    assert model_config([Model("m", "/p/m"), Model("n", "/p/n")], specific_versions=False) == (
        "model_config_list: {\n"
        '  config: {\n    name: "m"\n    base_path: "/p/m"\n    model_platform: "tensorflow"\n  }\n'
        '  config: {\n    name: "n"\n    base_path: "/p/n"\n    model_platform: "tensorflow"\n  }\n'
        "}\n"
    )


def test_a2_config_of_head_lists_versions_without_leading_zeros(archive):
    root = archive("m/00002/saved_model.pb", "m/1/saved_model.pb", "m/0/x", "m/x1/x", "m/٣/x")
    text = model_config(find_models(root), specific_versions=True)
    assert [line.strip() for line in text.splitlines() if "versions:" in line] == [
        "versions: 0",
        "versions: 1",
        "versions: 2",
    ]


def test_a2_config_is_read_back_whatever_the_names_are():
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    models = [Model('q"uo\\te', '/a "b"\\c/é'), Model("m", "/m")]
    config = text_format.Parse(
        model_config(models, specific_versions=False), model_server_config_pb2.ModelServerConfig()
    )
    assert [(one.name, one.base_path) for one in config.model_config_list.config] == [
        (model.name, model.base_path) for model in models
    ]


def test_a8_batching_config_is_protobuf_text():
    assert batching_config([("max_batch_size", "8"), ("batch_timeout_micros", "1")]) == (
        "max_batch_size { value: 8 }\nbatch_timeout_micros { value: 1 }\n"
    )
