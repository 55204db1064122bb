"""How far a score on few test rows is to be trusted."""

from math import sqrt

FEW = 100  # below so many test rows this is said along with every score
NORMAL_95 = 1.959964


def interval(share: float, rows: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of so many rows.

    >>> [round(end, 3) for end in interval(0.5, 6)]
    [0.188, 0.812]
    >>> [round(end, 3) for end in interval(1.0, 10)]
    [0.722, 1.0]
    """
    square = NORMAL_95**2
    centre = (share + square / (2 * rows)) / (1 + square / rows)
    half = sqrt(share * (1 - share) / rows + square / (4 * rows**2)) / (1 + square / rows)
    return max(0.0, NORMAL_95 * -half + centre), min(1.0, NORMAL_95 * half + centre)


def caveat(accuracy: float, rows: int) -> str:
    """What is to be said of an accuracy on few test rows; "" on enough of them."""
    if rows >= FEW:
        return ""
    low, high = interval(accuracy, rows)
    return (
        f"only {rows} test rows: one row more or less is {100 / rows:.1f} points, and the accuracy"
        f" on further rows of this kind may be anything from {low:.2f} to {high:.2f} (95 %)."
    )
