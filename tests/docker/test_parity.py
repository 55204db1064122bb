"""`make parity`: the same seed gives the same model on this machine and in containers."""


def test_host_and_containers_give_the_same_model_and_answers(project, small, packed):
    said = project.make("parity", "A=host", "B=docker", "SEED=3", *small).stdout
    result = project.json("parity.json")
    host, containers = result["weights_sha256"]
    assert host == containers
    assert result["archive_sha256"][0] == result["archive_sha256"][1]
    assert result["max_abs_difference"] <= 1.5e-6
    assert result["sentences"] > 10
    assert (result["runtimes"], result["version"]) == (["host", "docker"], "v1")
    assert ": ok\n" in said


def test_a_difference_is_shown_and_fails():
    from train2deploy import parity

    assert parity.difference({"a": 0.75, "b": 0.25}, {"a": 0.5, "b": 0.5}) == 0.25
    assert parity.difference({"a": 1.0}, {"b": 1.0}) == 1.0
