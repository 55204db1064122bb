"""What the soak takes for a failure: wrong answers, other statuses, a late return, growth."""

import pytest

from train2deploy.bench import proc, soak
from train2deploy.bench.soak import Kill, Life, Soak


class Right:
    """A workload whose answer to request `turn` is its number."""

    def is_right(self, turn: int, body: bytes) -> bool:
        return body == b"%d" % turn


class NoProcesses:
    pids: dict[str, int] = {}


@pytest.fixture
def watch() -> Soak:
    return Soak(NoProcesses(), Right(), 60.0)


def answer(watch: Soak, status: int = 200, turn: int = 1, body: bytes = b"1", sent: float = 0.0,
           now: float = 0.01) -> float:  # fmt: skip
    return watch.answered(turn, status, body, sent, now)


def test_right_answers_are_no_problem(watch: Soak):
    assert answer(watch) == 0.0
    assert soak.find_problems(watch, set()) == []


@pytest.mark.parametrize("status", [502, 503, 504])
def test_an_answer_that_says_so_is_excused_and_the_client_pauses(watch: Soak, status: int):
    answer(watch)
    assert answer(watch, status, body=b"<html>") == soak.PAUSE_SECONDS
    assert soak.find_problems(watch, set()) == []


@pytest.mark.parametrize("status", [0, 400, 404, 500])
def test_any_other_status_is_a_problem(watch: Soak, status: int):
    answer(watch)
    answer(watch, status, body=b"oh")
    assert any(f"status {status}" in problem for problem in soak.find_problems(watch, set()))


def test_the_answer_to_another_request_is_a_problem(watch: Soak):
    answer(watch)
    answer(watch, body=b"2")
    assert any("wrong answer to request 1" in text for text in soak.find_problems(watch, set()))


def test_no_answer_at_all_is_a_problem(watch: Soak):
    assert "no request was answered" in soak.find_problems(watch, set())


def test_a_process_that_is_not_there_at_the_end_is_a_problem(watch: Soak):
    answer(watch)
    assert "not running at the end: edge" in soak.find_problems(watch, {"edge"})


def killed(watch: Soak, moment: float) -> Kill:
    watch.kills.append(Kill("model server", moment, moment=moment))
    return watch.kills[-1]


def test_the_endpoint_is_back_with_a_request_that_was_sent_after_the_kill(watch: Soak):
    kill = killed(watch, 10.0)
    answer(watch, sent=9.9, now=10.1)
    assert kill.back is None
    answer(watch, 502, sent=10.1, now=10.2)
    answer(watch, sent=10.3, now=11.5)
    answer(watch, sent=11.5, now=11.6)
    assert kill.back == pytest.approx(1.5)
    assert soak.find_problems(watch, set()) == []


def test_one_answer_counts_for_every_kill_before_it(watch: Soak):
    first, second = killed(watch, 10.0), killed(watch, 11.0)
    answer(watch, sent=11.5, now=12.0)
    assert (first.back, second.back) == (2.0, 1.0)


def test_the_load_goes_on_until_the_endpoint_is_back_from_the_last_kill_or_late_for_good(
    watch: Soak,
):
    assert not watch.is_waiting(60.0)
    killed(watch, 10.0)
    late = 10.0 + soak.PATIENCE_SECONDS
    assert [watch.is_waiting(now) for now in (10.1, late - 0.1, late)] == [True, True, False]
    answer(watch, sent=10.2, now=12.0)
    assert not watch.is_waiting(12.1)


@pytest.mark.parametrize("now, words", [(13.5, "after 3.5 s"), (None, "not at all")])
def test_coming_back_late_or_never_is_a_problem(watch: Soak, now: float | None, words: str):
    answer(watch)
    killed(watch, 10.0)
    if now:
        answer(watch, sent=11.0, now=now)
    assert any(words in problem for problem in soak.find_problems(watch, set()))


def live(watch: Soak, pid: int, mb: list[float], role: str = proc.HANDLER) -> None:
    """A life with a look each second."""
    samples = [(float(age), value) for age, value in enumerate(mb)]
    watch.lives[pid] = Life(role, pid, samples)


def problems_of(watch: Soak) -> list[str]:
    answer(watch)
    return soak.find_problems(watch, set())


def test_a_process_may_grow_while_it_warms_up(watch: Soak):
    live(watch, 1, [20.0 + min(age, 7) * 5 for age in range(40)])
    assert problems_of(watch) == []


def test_a_process_that_goes_on_growing_is_a_problem(watch: Soak):
    live(watch, 1, [40.0 + 0.3 * age for age in range(40)])
    assert any("handler: grew by" in problem for problem in problems_of(watch))


def test_noise_is_no_growth(watch: Soak):
    live(watch, 1, [190.0 + (7 * age) % 9 for age in range(60)], proc.MODEL_SERVER)
    assert problems_of(watch) == []


def test_each_life_larger_than_the_one_before_is_a_problem(watch: Soak):
    for number in range(4):
        live(watch, number, [40.0 + 3 * number] * 30)
    assert any("handler: grew by 9.0 MB" in problem for problem in problems_of(watch))


def test_a_life_too_short_to_judge_is_left_out(watch: Soak):
    live(watch, 1, [40.0, 80.0, 160.0])
    assert problems_of(watch) == []
    assert soak.memory(watch, proc.HANDLER) == {}
