"""The article as a notebook: both languages are what notebooks/article.py gives when it runs."""

import json
import re
import subprocess
import urllib.request

import pytest
from project import REPOSITORY, TIMEOUT_SECONDS, forbidden

LANGUAGES = ("en", "ja")
NUMBER = re.compile(r"\d+\.\d+")
TOLERANCE = 0.02
"""Another processor adds in another order; trained with the same seed, it is not further away."""


@pytest.fixture(scope="module")
def ran(project, output, tmp_path_factory):
    """Both, with the outputs of a run in an account that is gone afterwards; by language. What it
    called there is in `calls`."""
    folder = tmp_path_factory.mktemp("notebooks")
    python = REPOSITORY / ".venvs" / "notebook" / "bin" / "python"
    try:
        project.make("emulator", "DETACH=1")  # one that runs already stays
        done = subprocess.run(
            [python, "-m", "train2deploy.notebooks", folder], cwd=project.root,
            env=project.environment(), capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
        assert done.returncode == 0, done.stderr
        url = project.json("emulator.json")["url"]
        with urllib.request.urlopen(f"{url}/emulator/calls") as answer:
            calls = json.load(answer)
    finally:
        project.make("emulator-stop")
    return {**{language: read(folder, language) for language in LANGUAGES}, "calls": calls}


def test_an_emulator_that_a_run_starts_ends_with_it(project, output):
    code = ("import subprocess\nfrom train2deploy import notebooks\n"
            "with notebooks.emulator_as_it_was():\n"
            "    subprocess.run(['make', 'emulator', 'DETACH=1'], check=True)")
    python = REPOSITORY / ".venvs" / "notebook" / "bin" / "python"
    subprocess.run([python, "-c", code], cwd=project.root, env=project.environment(), check=True,
                   timeout=TIMEOUT_SECONDS)
    assert not (project.build / "emulator.json").exists()


def read(folder, language):
    path = folder / f"article.{language}.ipynb"
    return json.loads(path.read_text(encoding="utf-8"))


def text(notebook):
    """All of it as lines, but pictures, which are drawings of numbers that their alt text names."""
    def without_pictures(value):
        if isinstance(value, dict):
            return {key: without_pictures(each) for key, each in value.items()
                    if key != "image/png" or not isinstance(each, str)}
        return [without_pictures(each) for each in value] if isinstance(value, list) else value

    return json.dumps(without_pictures(notebook), ensure_ascii=False, indent=1).splitlines()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_run_of_the_source_gives_the_notebook_that_is_there(ran, language):
    """Texts, code and outputs; `make notebooks` writes it again."""
    there, now = text(read(REPOSITORY / "notebooks", language)), text(ran[language])
    assert [NUMBER.sub("#", line) for line in now] == [NUMBER.sub("#", line) for line in there]
    numbers = [[float(found) for line in lines for found in NUMBER.findall(line)]
               for lines in (now, there)]
    assert numbers[0] == pytest.approx(numbers[1], abs=TOLERANCE)


def outputs(notebook):
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return [(cell["source"], cell["outputs"]) for cell in cells]


def printed(notebook):
    return "".join("".join(each.get("text", "")) for _, cell in outputs(notebook) for each in cell)


def test_both_languages_have_the_same_code_and_outputs_and_as_many_texts():
    ours, theirs = (read(REPOSITORY / "notebooks", language) for language in LANGUAGES)
    assert outputs(ours) == outputs(theirs)
    kinds = [[cell["cell_type"] for cell in notebook["cells"]] for notebook in (ours, theirs)]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_notebook_shows_the_whole_way_and_no_machine(language):
    notebook = read(REPOSITORY / "notebooks", language)
    told = printed(notebook)
    for shown in ("Completed", "InService", "same bytes: True", "endpoint and session agree: True",
                  "0.966220", "Endpoints left: 0", "EndpointConfigs left: 0", "Models left: 0",
                  "objects left: 0"):
        assert shown in told
    accuracies = re.findall(r"accuracy on 201 \w+(?: \w+)?: (\S+)", told)
    assert len(accuracies) == 2 and len(set(accuracies)) == 1, "of the job and of the batch"
    of_a_machine = r"/(home|root|tmp|work|usr)/|127\.0\.0\.1|localhost|20\d\d-\d\d-\d\d|\d\d:\d\d"
    assert not re.search(of_a_machine, told)
    streams = {each.get("name") for _, cell in outputs(notebook) for each in cell}
    assert "stderr" not in streams
    pictures = [each["metadata"] for _, cell in outputs(notebook) for each in cell
                if "image/png" in each.get("data", {})]
    assert pictures and all(each["image/png"]["alt"] for each in pictures)


def test_on_aws_it_needs_no_more_than_the_policy_that_it_names(ran):
    (name,) = {found for language in LANGUAGES for found in re.findall(
        "make cloud-policy ENDPOINT_NAME=([a-z0-9-]+)", json.dumps(ran[language]))}
    assert ran["calls"] and forbidden(ran["calls"], endpoint_name=name) == set()


def test_no_process_is_left(project, ran):
    assert project.wait_until_quiet() == []
