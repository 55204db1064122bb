"""The alarm rule, by cases in which CloudWatch's documentation says what becomes of an alarm."""

import pytest

from emulator.alarms import ALARM, INSUFFICIENT_DATA, OK, Rule

RETAINED = "the state that it had"
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
ALL_OK, ALL_ALARM = (OK,) * 4, (ALARM,) * 4

# The oldest period first: 0 is within the threshold, X beyond it, - is missing.
CASES = [
    # M, N, data, then the state where missing data is missing, ignored, breaching, not breaching
    (3, 3, "0-X-X", *ALL_OK),
    (3, 3, "----0", *ALL_OK),
    (3, 3, "0----", *ALL_OK),
    (3, 3, "-----", INSUFFICIENT_DATA, RETAINED, ALARM, OK),
    (3, 3, "0XX-X", *ALL_ALARM),
    (3, 3, "--X--", ALARM, RETAINED, ALARM, OK),
    (3, 3, "----X", INSUFFICIENT_DATA, RETAINED, ALARM, OK),
    (3, 3, "X----", ALARM, RETAINED, ALARM, OK),
    (2, 3, "0-X-X", *ALL_ALARM),
    (2, 3, "00X0X", *ALL_ALARM),
    (2, 3, "0-X--", OK, OK, ALARM, OK),
    (2, 3, "----0", OK, OK, ALARM, OK),
    (2, 3, "---X-", ALARM, RETAINED, ALARM, OK),
    (2, 3, "----X", INSUFFICIENT_DATA, RETAINED, ALARM, OK),
    (3, 3, "00XXX", *ALL_ALARM),
    (3, 3, "XXXX0", *ALL_OK),
    (1, 1, "--X", *ALL_ALARM),
    (1, 1, "X--", *ALL_ALARM),  # the last data there is, for as long as it is looked back to
    (1, 1, "X-0", *ALL_OK),
    (1, 1, "---", INSUFFICIENT_DATA, RETAINED, ALARM, OK),
    (1, 5, "--X----", *ALL_ALARM),
    (1, 3, "---0-", OK, OK, ALARM, OK),
]


@pytest.mark.parametrize("treatment", TREATMENTS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} of {case[1]}: {case[2]}")
def test_state_with_missing_data(case, treatment):
    to_alarm, periods, data, *expected = case
    rule = Rule("GreaterThanThreshold", 1.0, periods, to_alarm, treatment)
    assert rule.range == len(data)
    points = [{"0": 1.0, "X": 2.0, "-": None}[letter] for letter in data]
    state = expected[TREATMENTS.index(treatment)]
    for current in (OK, ALARM, INSUFFICIENT_DATA):
        assert rule.state(points, current) == (current if state is RETAINED else state)


@pytest.mark.parametrize("comparison, breaching", [
    ("GreaterThanThreshold", [5.1]),
    ("GreaterThanOrEqualToThreshold", [5.0, 5.1]),
    ("LessThanThreshold", [4.9]),
    ("LessThanOrEqualToThreshold", [4.9, 5.0]),
])
def test_comparisons(comparison, breaching):
    rule = Rule(comparison, 5.0, 1, 1)
    assert [value for value in (4.9, 5.0, 5.1) if rule.state([value], OK) == ALARM] == breaching


def test_the_reason_has_the_numbers():
    rule = Rule("GreaterThanThreshold", 0.05, 1, 1, "notBreaching")
    assert rule.reason([None, None, 1 / 3], ALARM) == (
        "Threshold Crossed: 1 datapoint [0.333333] was greater than the threshold (0.05).")
    assert rule.reason([0.5, None, 0.0], OK).endswith(
        "1 datapoint [0] was not greater than the threshold (0.05).")
    assert "1 datapoint was treated as [NotBreaching]" in rule.reason([None] * 3, OK)
    assert rule.reason([None] * 3, INSUFFICIENT_DATA) == (
        "Insufficient Data: 1 datapoint was unknown.")
