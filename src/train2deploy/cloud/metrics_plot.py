"""The plot of `make cloud-metrics`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from train2deploy import plots

Curve = Sequence[tuple[datetime, float]]
COLOURS = (plots.ACCENT, plots.THIRD, plots.GREY)


@plots.styled
def over_time(title: str, panels: Mapping[str, Mapping[str, Curve]], path: Path) -> list[Path]:
    """Curves by their names, in panels below each other, over the same time of day (UTC)."""
    figure = Figure(figsize=(9, 2.2 * len(panels) + 0.8), layout="constrained")
    all_axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, curves) in zip(all_axes, panels.items(), strict=True):
        for (label, curve), colour in zip(curves.items(), COLOURS, strict=False):
            times, values = [at for at, _ in curve], [value for _, value in curve]
            axes.plot(times, values, ".-", label=label, color=colour)
        axes.set_title(name)
        axes.set_ylim(bottom=0)
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    places = AutoDateLocator()  # type: ignore[no-untyped-call]
    all_axes[-1].xaxis.set_major_locator(places)
    all_axes[-1].xaxis.set_major_formatter(ConciseDateFormatter(places))  # type: ignore[no-untyped-call]
    figure.suptitle(title)
    return plots.save(figure, path)
