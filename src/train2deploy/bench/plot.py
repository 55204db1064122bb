"""The plot of a bench: throughput and latency against clients, readable in grey as well."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from train2deploy.bench.measure import (
    ALONE,
    ARTICLE,
    BATCHED,
    GRPC,
    INVOCATIONS,
    OTHER,
    RAW,
    REST,
    REST_ALONE,
    UNMERGED,
)
from train2deploy.bench.peers import PEERS

# From dark to light, with a marker and a line each, so that no colour is needed.
STYLES: dict[str, dict[str, Any]] = {
    INVOCATIONS: {"color": "#08306b", "marker": "o", "linestyle": "-", "linewidth": 2.5},
    OTHER: {"color": "#c0392b", "marker": "P", "linestyle": (0, (8, 2)), "linewidth": 2.0},
    ALONE: {"color": "#2171b5", "marker": "o", "linestyle": "--", "fillstyle": "none"},
    BATCHED: {"color": "#2171b5", "marker": "o", "linestyle": "-."},
    REST: {"color": "#b3560f", "marker": "s", "linestyle": "--"},
    REST_ALONE: {"color": "#b3560f", "marker": "s", "linestyle": ":", "fillstyle": "none"},
    GRPC: {"color": "#3f9b5a", "marker": "^", "linestyle": "-."},
    ARTICLE: {"color": "#a678b4", "marker": "D", "linestyle": ":", "linewidth": 2.0},
    UNMERGED: {"color": "#a8a8a8", "marker": "v", "linestyle": (0, (5, 1))},
    **{
        name: {"color": color, "marker": marker, "linestyle": (0, (3, 1, 1, 1))}
        for name, color, marker in zip(PEERS, ("#7a5c00", "#3a3a3a", "#c05a8a"), "X*p", strict=True)
    },
}


def draw(result: Mapping[str, Any], folder: Path) -> list[Path]:
    """Writes bench.png and bench.svg; returns their paths."""
    # The same figures give the same file.
    with matplotlib.rc_context({"svg.hashsalt": "bench", "svg.fonttype": "none"}):
        figure = Figure(figsize=(11, 5.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        rows = [row for row in result["measurements"] if row["sentences"] == 1]
        _draw_throughput(left, rows)
        _draw_latency(right, rows)
        # Below both: within a plot it would cover curves, as would a name on a line.
        lines, names = left.get_legend_handles_labels()
        figure.legend(lines, names, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
        machine = result["machine"]
        figure.suptitle(
            f"One sentence per request; {machine['cpu']}, {machine['cores']} cores,"
            f" TensorFlow {machine['serving']['tensorflow']}",
            fontsize=10,
        )
        written = []
        for suffix in ("png", "svg"):
            path = folder / f"bench.{suffix}"
            figure.savefig(path, dpi=150, metadata={"Date": None} if suffix == "svg" else None)
            written.append(path)
    return written


def _points(rows: list[dict[str, Any]], subject: str, name: str) -> tuple[list[int], list[float]]:
    picked = [row for row in rows if row["subject"] == subject]
    return [row["clients"] for row in picked], [row["median"][name] for row in picked]


def _draw_throughput(axes: Axes, rows: list[dict[str, Any]]) -> None:
    for subject, style in STYLES.items():
        clients, values = _points(rows, subject, "per_second")
        if clients:
            axes.plot(clients, values, label=subject, **style)
    threads, values = _points(rows, RAW, "per_second")
    for number, value in zip(threads, values, strict=True):
        name = f"{RAW}, {number} thread{'s' if number > 1 else ''}"
        axes.axhline(value, label=name, **_raw_style(number))
    _axes(axes, "Throughput", "requests per second")
    axes.set_ylim(bottom=0)


def _draw_latency(axes: Axes, rows: list[dict[str, Any]]) -> None:
    for subject, style in STYLES.items():
        clients, middle = _points(rows, subject, "p50_ms")
        if not clients:
            continue
        _, high = _points(rows, subject, "p95_ms")
        over = [max(0.0, h - m) for h, m in zip(high, middle, strict=True)]
        axes.errorbar(
            clients, middle, yerr=[[0.0] * len(over), over], capsize=4, label=subject, **style
        )
    _, alone = _points([row for row in rows if row["clients"] == 1], RAW, "p50_ms")
    for value in alone:
        axes.axhline(value, **_raw_style(1))
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    _axes(axes, "Latency", "milliseconds: median, and up to the 95th percentile")


def _raw_style(threads: int) -> dict[str, Any]:
    """Dots for one thread, short strokes for more."""
    return {"color": "#777777", "linewidth": 1.2, "linestyle": (0, (1 if threads == 1 else 4, 2))}


def _axes(axes: Axes, title: str, label: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("clients at once")
    axes.set_ylabel(label)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
