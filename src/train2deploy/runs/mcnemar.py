"""McNemar's exact test: whether of two models one is better, or the difference is chance.

On the same sentences: where both are right or both are wrong nothing is learnt about which is
better. Of the sentences that only one of them gets right, each would fall to either side with
probability 1/2 if the two were equally good.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from train2deploy import console
from train2deploy.texts import load

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class McNemar:
    """Counts of test sentences by who is right, and the two-sided p value."""

    both: int
    only_a: int
    only_b: int
    neither: int
    p: float

    @property
    def better(self) -> str:
        """Which one is better by more than chance, A or B; "" where neither is."""
        if self.p >= SIGNIFICANT:
            return ""
        return "A" if self.only_a > self.only_b else "B"


def mcnemar(truth: Sequence[str], a: Sequence[str], b: Sequence[str]) -> McNemar:
    """The test on the predictions of two models for the same sentences.

    >>> mcnemar("xxxxxxxx", "xxxxxxxy", "yyyyyyxx")
    McNemar(both=1, only_a=6, only_b=1, neither=0, p=0.125)
    """
    right = [(x == t, y == t) for t, x, y in zip(truth, a, b, strict=True)]
    only_a, only_b = right.count((True, False)), right.count((False, True))
    differing = only_a + only_b
    ways = sum(math.comb(differing, k) for k in range(min(only_a, only_b) + 1))
    p = min(1.0, 2 * ways / 2**differing)
    return McNemar(right.count((True, True)), only_a, only_b, right.count((False, False)), p)


def say(found: McNemar, language: str = "en") -> None:
    """Prints the counts, the p value and what they mean."""
    count = found.both + found.only_a + found.only_b + found.neither
    console.say(
        f"test sentences: {count}; both right {found.both}, only A {found.only_a},"
        f" only B {found.only_b}, neither {found.neither}"
    )
    console.say(f"McNemar, exact, two-sided: p = {found.p:.4g}")
    console.say(meaning(found, language))


def meaning(found: McNemar, language: str) -> str:
    """What the test says, in a sentence or two."""
    t = load(language)
    better, worse = ("A", "B") if found.only_a > found.only_b else ("B", "A")
    more, fewer = max(found.only_a, found.only_b), min(found.only_a, found.only_b)
    if not more:
        return t("compare_same")
    if more == fewer:
        verdict = t("compare_level")
    else:
        key = "compare_better" if found.p < SIGNIFICANT else "compare_chance"
        verdict = t(key, p=f"p = {found.p:.2g}", better=better)
    return t("compare_counts", better=better, more=more, worse=worse, fewer=fewer) + verdict
