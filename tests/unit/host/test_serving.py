"""The line that says how requests are run here, and how on AWS."""

import pytest

from train2deploy import serving

BATCHED = {"SAGEMAKER_TFS_ENABLE_BATCHING": "true"}


@pytest.mark.parametrize("variables, own, here, aws", [
    ({}, True, "those that wait share a run", "AWS gives each its own"),
    ({serving.MERGE: ""}, True, "those that wait share a run", "AWS gives each its own"),
    ({serving.MERGE: "0"}, True, "each has a run of its own (MERGE=0)", "as on AWS"),
    ({}, False, "each has a run of its own, here", "as on AWS"),
    (BATCHED, True, "batched as SAGEMAKER_TFS_ENABLE_BATCHING asks", "here as on AWS"),
    ({**BATCHED, serving.MERGE: "0"}, False, "batched", "here as on AWS"),
])  # fmt: skip
def test_one_line_says_what_runs_here_and_what_aws_gives(variables, own, here, aws):
    line = serving.described(variables, own)
    assert here in line and aws in line and "\n" not in line


def test_a_real_model_server_is_noticed(tmp_path, monkeypatch):
    monkeypatch.delenv("TENSORFLOW_MODEL_SERVER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not serving.has_real_server()
    program = tmp_path / "tensorflow_model_server"
    program.touch(0o755)
    assert serving.has_real_server()
