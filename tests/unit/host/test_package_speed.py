"""package_speed: the line about a package's speed, and what a machine says that cannot measure."""

from pathlib import Path

import pytest

from train2deploy import article_graph, endpoint, package, package_speed
from train2deploy.errors import MissingRequirement
from train2deploy.runtimes.host import HOST


@pytest.fixture
def model_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "encoding.py").touch()
    monkeypatch.setattr(package, "version_of", lambda archive: "v1")
    monkeypatch.setattr(endpoint, "unpacked_model", lambda archive: tmp_path)
    monkeypatch.setattr(article_graph, "model", lambda model_dir, runtime: model_dir)
    return tmp_path


def test_a_package_of_v1_is_compared_with_the_articles_graph(model_dir, monkeypatch, capsys):
    medians = {"1": [1.0, 4.0], "32": [5.0, 20.0]}
    monkeypatch.setattr(package_speed, "measure", lambda *given: medians)
    package_speed.say(lambda: HOST)
    assert capsys.readouterr().out == (
        "session.run, × the article's graph: 0.25 for 1 sentence (1.00 ms), 0.25 for 32 (5.00 ms)\n"
    )


@pytest.mark.parametrize("what", ["another version", "own code"])
def test_another_model_has_no_line(model_dir, monkeypatch, capsys, what):
    if what == "own code":
        (model_dir / "code" / "encoding.py").unlink()
    else:
        monkeypatch.setattr(package, "version_of", lambda archive: "v2")
    package_speed.say(lambda: HOST)
    assert capsys.readouterr().out == ""


def test_a_machine_that_cannot_measure_says_why(model_dir, capsys):
    def missing():
        raise MissingRequirement("no engine. Start it.")

    package_speed.say(missing)
    assert capsys.readouterr().out == "speed not measured: no engine. Start it.\n"
