"""`make dry-run`: from nothing to a classified sentence, on the shipped data."""


def test_the_last_lines_are_the_ranking_and_the_artifacts(project, output):
    lines = output.rstrip().splitlines()
    start = lines.index("電波が悪い")
    assert lines[start + 1].split()[0] == "携帯電話"
    assert {line.split()[0] for line in lines[start + 1 : start + 5]} == {
        "携帯電話", "グルメ", "京都", "スポーツ"}
    assert lines[start + 5] == "artifacts:"
    for line in lines[start + 6 : -1]:
        assert (project.root / line.strip()).exists()
    assert lines[-1].startswith("next: make ")


def test_the_endpoint_was_compared_and_evaluated(project, output):
    assert project.json("verification.json")["max_abs_difference"] <= 1e-6
    evaluation = project.json("evaluation.json")
    assert evaluation["model"]["n"] == 201
    assert evaluation["model"]["accuracy"] > 0.6


def test_no_process_of_it_is_left(project, output):
    assert project.wait_until_quiet() == []
