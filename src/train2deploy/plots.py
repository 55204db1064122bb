"""Every plot of the project, by matplotlib: those of reports, of `make bench` and of a search.

In a page a plot is SVG whose colours and fonts are the page's own, so that it is dark where the
page is. The same numbers give the same bytes.
"""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, wraps
from html import escape
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from train2deploy import console, fonts
from train2deploy.bench.names import ARTICLE, INVOCATIONS, RAW, STYLES
from train2deploy.texts import Texts

WIDTH, POINTS = 400, 72
INK, DIM, LINE, GREY, PALE = "#1b1c1e", "#66625a", "#e0dcd3", "#85807a", "#b9b4ab"
PAPER, ACCENT, THIRD = "#fcfbf8", "#1f4e8c", "#8a4b1f"
VARIABLES = {
    INK: "ink", DIM: "dim", LINE: "line", GREY: "grey", PALE: "pale", PAPER: "paper",
    ACCENT: "accent", THIRD: "third",
}  # fmt: skip
"""What the style sheet calls each colour."""
COLOURS = {"v1": GREY, "v2": ACCENT, "v3": THIRD}  # of our models; what is no model is pale
STYLE: dict[str, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "train2deploy", "font.size": 11.5,
    "figure.titlesize": 12, "figure.facecolor": "none", "axes.facecolor": "none",
    "text.color": INK, "axes.labelcolor": DIM, "xtick.labelcolor": DIM, "ytick.labelcolor": DIM,
    "axes.titlecolor": DIM, "axes.titlesize": 11.5, "axes.titlelocation": "left",
    "xaxis.labellocation": "right", "axes.edgecolor": GREY, "grid.color": LINE, "axes.grid": True,
    "axes.grid.axis": "y", "axes.axisbelow": True, "legend.frameon": False,
    "legend.labelcolor": DIM, "legend.handlelength": 1.6, "legend.columnspacing": 1.4,
    **{f"axes.spines.{side}": False for side in ("left", "top", "right")},
    **{f"{axis}tick.{kind}.size": 0 for axis in "xy" for kind in ("major", "minor")},
}  # fmt: skip


@cache
def _style() -> Any:
    """STYLE with a font for Japanese, where there is one."""
    families = ["DejaVu Sans"]
    if found := fonts.find():
        font_manager.fontManager.addfont(found)
        families.append(font_manager.FontProperties(fname=found).get_name())
    return {**STYLE, "font.family": families}


@dataclass
class Plot:
    """A figure with what a reader hears who does not see it.

    Args:
        name: unique in the page; ids are made of it.
    """

    name: str
    title: str
    description: str
    figure: Figure

    @cached_property
    def _body(self) -> str:
        """What matplotlib draws, without its own frame, ids, fonts and needless digits."""
        written = io.StringIO()
        with matplotlib.rc_context(_style()):
            self.figure.savefig(written, format="svg", metadata={"Date": None})
        text = written.getvalue().partition("<svg")[2].partition(">")[2]
        text = re.sub(r"(?s)<metadata>.*?</metadata>|<style.*?</style>", "", text)
        text = re.sub(r'<g id="[^"]*"| transform="rotate\(-0 [^"]*"', _tag_alone, text)
        text = re.sub(r'(?<= id=")|(?<=href="#)|(?<=url\(#)', f"{self.name}-", text)
        text = re.sub(r"<[^>]*>", _rounded, text)
        text = re.sub(r"font-family: [^;\"]*", "font-family: var(--sans)", text)
        for colour, variable in VARIABLES.items():
            text = text.replace(colour, f"var(--{variable})")
        return re.sub(r"> <", "><", re.sub(r"\s+", " ", text)).strip()

    def svg(self, style: str = "") -> str:
        """The element, for a page; with `style`, a file of its own."""
        width, height = (round(size * POINTS) for size in self.figure.get_size_inches())
        own = f' width="{width}" height="{height}"' if style else ""
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
            f' class="plot" role="img" viewBox="0 0 {width} {height}"{own}'
            f' aria-labelledby="{self.name}-title {self.name}-text">'
            f'<title id="{self.name}-title">{escape(self.title)}</title>'
            f'<desc id="{self.name}-text">{escape(self.description)}</desc>'
            f"{f'<style>{style}</style>' if style else ''}{self._body}"
        )

    def __html__(self) -> str:
        """What a template shows: it asks this of whatever may stand in HTML as it is."""
        return self.svg()


def _tag_alone(found: re.Match[str]) -> str:
    return "<g" if found[0].startswith("<g") else ""


def _rounded(tag: re.Match[str]) -> str:
    """A tenth of a pixel is enough."""
    return re.sub(r"\d+\.\d\d+", lambda found: f"{float(found[0]):.1f}", tag[0])


P = ParamSpec("P")
R = TypeVar("R")
Row = Mapping[str, Any]
Look = Mapping[str, Any]  # how a curve is drawn: what matplotlib is given


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Draws in our style; matplotlib's own settings stay what they are."""

    @wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> R:
        with matplotlib.rc_context(_style()):
            return draw(*args, **kwargs)

    return styled


def made(
    name: str, title: str, told: str, height: float = 250, left: float = 44, top: float = 36,
    **axes: Any,
) -> tuple[Plot, Any]:  # fmt: skip
    """A plot and its axes; margins are in points."""
    figure = Figure(figsize=(WIDTH / POINTS, height / POINTS))
    figure.subplots_adjust(left / WIDTH, 40 / height, 1 - 8 / WIDTH, 1 - top / height, hspace=0.08)
    return Plot(name, title, told, figure), figure.subplots(**axes)


def legend(axes: Axes, columns: int = 3, where: Any = "upper right") -> None:
    """Names outside of the axes, where no curve and no number is."""
    lines, names = axes.get_legend_handles_labels()
    axes.figure.legend(lines, names, loc=where, ncols=columns, borderaxespad=0)


def save(figure: Figure, path: Path) -> list[Path]:
    """Writes the figure as PNG and as SVG; `path` has no ending."""
    written = [path.with_suffix(".png"), path.with_suffix(".svg")]
    for one, metadata in zip(written, (None, {"Date": None}), strict=True):
        figure.savefig(one, dpi=150, metadata=metadata, facecolor="white")
    return written


@styled
def scores(rows: Sequence[Row], t: Texts) -> Plot:
    """A row's accuracies on a line: a dot a seed, the mean as a stroke, ± sd as a bar."""
    height = 40 * len(rows) + 48
    plot, axes = made("accuracy", t("scores_title"), t("scores_description"), height, 6, 8)
    for y, row in enumerate(reversed(rows)):
        found, colour = row["accuracy"], COLOURS.get(row["name"], PALE)
        if row["is_model"]:
            if sd := found["sd"]:
                axes.barh(y, 2 * sd, 0.24, found["mean"] - sd, color=colour, alpha=0.3)
            axes.plot(row["each"], [y] * len(row["each"]), "o", color=colour, mec=PAPER)
        axes.plot([found["mean"]] * 2, [y - 0.2, y + 0.2], color=INK, linewidth=2)
        axes.text(0, y + 0.28, t.name(row["name"]), transform=axes.get_yaxis_transform())
    axes.set(ylim=(-0.5, len(rows) - 0.3), yticks=[], xlabel=t("accuracy"))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="x")
    return plot


@styled
def learning(version: str, runs: Sequence[Row], low: float, t: Texts) -> Plot:
    """Accuracy by epoch: training dashed, validation solid, the chosen epoch as a dot."""
    best = ", ".join(f"{run['seed']}: {run['best_epoch']}" for run in runs)
    told = t("learning_description", best=best)
    title, colour = t("learning_title", version=version), COLOURS.get(version, PALE)
    plot, axes = made(f"learning-{version}", title, told)
    curves: dict[str, Look] = {
        "val_acc": {"color": colour, "label": t("legend_validation")},
        "acc": {"color": PALE, "linestyle": "--", "lw": 1.1, "label": t("legend_training")},
    }
    _by_epoch(axes, runs, curves, t)
    for run in runs:
        if run["best_epoch"]:
            value = run["val_acc"][run["best_epoch"] - 1]
            axes.plot(run["best_epoch"], value, "o", color=colour, mec=PAPER)
    axes.set_ylim(bottom=low)
    return plot


@styled
def epochs(row: Row, t: Texts) -> Plot:
    """A published model's accuracy by epoch: ours on test and validation, and what was printed."""
    title = t("epochs_title", name=row["name"][t.language])
    plot, axes = made(f"epochs-{row['id']}", title, t("epochs_description"))
    curves: dict[str, Look] = {
        "test_acc": {"color": ACCENT, "label": t("legend_test")},
        "val_acc": {"color": GREY, "label": t("legend_validation")},
    }
    if log := row["log"]:
        whole = log["epochs"][-1] - log["epochs"][0] < len(log["epochs"])  # none is left out
        line: Look = {"color": INK, "marker": ".", "linestyle": ":" if whole else "none"}
        axes.plot(log["epochs"], log["val_acc"], **line, label=t("legend_printed"))
    _by_epoch(axes, row["curves"], curves, t, log)
    return plot


def _by_epoch(
    axes: Axes, runs: Sequence[Row], curves: Mapping[str, Look], t: Texts, log: Row | None = None
) -> None:
    """The curves of all runs, each kind named once."""
    for key, drawn in curves.items():
        shown = [(run["epochs"][: len(run[key])], run[key]) for run in runs if run.get(key)]
        for number, (places, values) in enumerate(shown):
            axes.plot(places, values, **{**drawn, "label": drawn["label"] if not number else None})
    last = max(max(one["epochs"], default=1) for one in (*runs, *([log] if log else [])))
    axes.set(xlim=(0.8, max(last, 2) + 0.2), xlabel=t("epoch"), title=t("accuracy"))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend(axes)


@styled
def calibration(version: str, found: Row, t: Texts) -> Plot:
    """How often the model is right (up) where it gives a probability (right); below, how often."""
    title, told = t("calibration_title", version=version), t.spread(found["ece"], "ECE ")
    shape: Look = {"nrows": 2, "sharex": True, "height_ratios": (6, 1)}
    plot, (axes, counts) = made(f"calibration-{version}", title, told, 330, top=22, **shape)
    bins, colour = found["bins"], COLOURS.get(version, PALE)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
    axes.plot(
        [one["confidence"] for one in bins], [one["accuracy"] for one in bins], "o-",
        color=colour, mec=PAPER,
    )  # fmt: skip
    middles = [(one["low"] + one["high"]) / 2 for one in bins]
    counts.bar(middles, [one["count"] for one in bins], 0.09, color=colour, alpha=0.3)
    quarters = [0, 0.25, 0.5, 0.75, 1]
    axes.set(title=t("share_right"), xticks=quarters, yticks=quarters, ylim=(-0.02, 1.02))
    counts.set(xlabel=t("confidence"), xticks=quarters, yticks=[])
    return plot


@styled
def ranking(golden: Row, labels: Sequence[str], t: Texts) -> Plot:
    """The article's probabilities and ours, by class, as bars."""
    article, ours = golden["article"], golden["ours"]
    shown = {t("the_article"): article} | {
        version: {label: found["mean"] for label, found in one["probabilities"].items()}
        for version, one in ours.items()
    }
    height = 40 + len(labels) * (16 + 15 * len(shown))
    plot, axes = made("ranking", t("golden_title"), t("golden_description"), height, 92, 0)
    room = len(shown) + 1
    for offset, (name, found) in enumerate(shown.items()):
        for place, label in enumerate(labels):
            if label in found:
                y, value = place * room + offset, found[label]
                colour = COLOURS.get(name, PALE) if offset else PAPER
                axes.barh(y, value, 0.7, color=colour, ec=colour if offset else INK)
                axes.text(value + 0.02, y, f"{name} {value:.3f}", va="center", color=DIM)
    middles = [place * room + (len(shown) - 1) / 2 for place in range(len(labels))]
    axes.set_yticks(middles, [console.shown(label, 6) for label in labels], color=INK, fontsize=13)
    axes.set(xlim=(0, 1.3), xticks=[])
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    return plot


@styled
def speed(bench: Row, value: str, t: Texts) -> Plot | None:
    """Requests a second, or median milliseconds, against clients; None with one number of them.

    Of our endpoint and the article's handler; the dashes are a session without a server.
    """
    rows = [row for row in bench["measurements"] if row["sentences"] == 1]
    looks: dict[str, Look] = {
        INVOCATIONS: {"color": ACCENT, "marker": "o", "label": t.name(INVOCATIONS)},
        ARTICLE: {"color": GREY, "marker": "o", "label": t.name(ARTICLE)},
    }
    if len({row["clients"] for row in rows if row["subject"] in looks}) < 2:
        return None
    name = f"speed-{value.replace('_', '-')}"
    plot, axes = made(name, t(value), t("speed_description"), 280, top=70)
    _against_clients(axes, rows, value, looks)
    for row in rows:
        if (row["subject"], row["clients"]) == (RAW, 1):
            look: Look = {"color": GREY, "linestyle": ":", "label": t.name(RAW)}
            axes.axhline(row["median"][value], **look)
    axes.set(title=t(value), xlabel=t("clients"))
    axes.set_ylim(bottom=0)
    legend(axes, 1)
    return plot


def _against_clients(
    axes: Axes, rows: Sequence[Row], value: str, looks: Mapping[str, Look]
) -> None:
    """A curve for each subject that was measured; its name is its look's, else its own."""
    counts = sorted({row["clients"] for row in rows if row["subject"] in looks})
    axes.set_xscale("log", base=2)
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.xaxis.set_minor_locator(NullLocator())
    for subject, look in looks.items():
        if found := [row for row in rows if row["subject"] == subject]:
            places, values = [r["clients"] for r in found], [r["median"][value] for r in found]
            axes.plot(places, values, **{"label": subject, **look})


@styled
def bench(result: Row, folder: Path) -> list[Path]:
    """bench.png and bench.svg: throughput and latency against clients, readable in grey as well."""
    rows = [row for row in result["measurements"] if row["sentences"] == 1]
    raw = {row["clients"]: row["median"] for row in rows if row["subject"] == RAW}
    figure = Figure(figsize=(11, 5.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    _against_clients(left, rows, "per_second", STYLES)
    _against_clients(right, rows, "p50_ms", STYLES)
    for threads, median in raw.items():
        dashes = (0, (1 if threads == 1 else 4, 2))  # dots for one thread, short strokes for more
        look: Look = {"color": "#777777", "linewidth": 1.2, "linestyle": dashes}
        name = f"{RAW}, {threads} thread{'s' if threads > 1 else ''}"
        left.axhline(median["per_second"], **look, label=name)
        if threads == 1:
            right.axhline(median["p50_ms"], **look)
    for row in rows:  # up to the 95th percentile
        if row["subject"] in STYLES:
            ends = [row["median"]["p50_ms"], row["median"]["p95_ms"]]
            colour = STYLES[row["subject"]]["color"]
            right.plot([row["clients"]] * 2, ends, "_-", color=colour, linewidth=0.8)
    left.set(title="requests per second", xlabel="clients at once")
    left.set_ylim(bottom=0)
    right.set(title="milliseconds: median, and up to the 95th percentile", xlabel="clients at once")
    right.set_yscale("log")
    right.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    machine = result["machine"]
    figure.suptitle(
        f"One sentence per request; {machine['cpu']}, {machine['cores']} cores,"
        f" TensorFlow {machine['serving']['tensorflow']}"
    )
    legend(left, 3, "outside lower center")
    return save(figure, folder / "bench")


@styled
def search(
    title: str, objective: str, jobs: Sequence[float], columns: Mapping[str, Sequence[float]],
    log: Sequence[str], best: Callable[[Sequence[float]], float], path: Path,
) -> list[Path]:  # fmt: skip
    """The objective by job, and against each hyperparameter; the best job stands out.

    Args:
        jobs: the value of each, in the order of their start.
        columns: hyperparameters by name, a number a job; those in `log` on a logarithmic scale.
        best: max or min.
    """
    figure = Figure(figsize=(3.6 * (1 + len(columns)), 3.8), layout="constrained")
    all_axes = figure.subplots(1, 1 + len(columns), sharey=True)
    numbers = range(1, len(jobs) + 1)
    places = {"job, in the order of their start": numbers, **columns}
    first = jobs.index(best(jobs))
    running = [best(jobs[:number]) for number in numbers]
    all_axes[0].step(numbers, running, where="post", color=PALE, label="best so far")
    all_axes[0].xaxis.set_major_locator(MaxNLocator(integer=True))
    all_axes[0].set_title(objective)
    for axes, (name, found) in zip(all_axes, places.items(), strict=True):
        if name in log:
            axes.set_xscale("log")
        axes.plot(found, jobs, "o", color=GREY, label="a job")
        axes.plot(found[first], jobs[first], "D", color="#c0392b", label="best job")
        axes.set_xlabel(f"{name} (log scale)" if name in log else name)
    figure.suptitle(title)
    legend(all_axes[0], 4, "outside lower center")
    return save(figure, path)
