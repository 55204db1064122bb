"""The plots of a report, each from its part of the content."""

from collections.abc import Mapping, Sequence
from typing import Any

from train2deploy.bench.measure import (
    ALONE,
    ARTICLE,
    BATCHED,
    GRPC,
    INVOCATIONS,
    ONNX,
    OTHER,
    PACKED,
    RAW,
    REST,
    REST_ALONE,
    UNMERGED,
)
from train2deploy.bench.peers import PEERS
from train2deploy.report.svg import Drawing, fitted, linear, logarithmic, ticks
from train2deploy.report.texts import Texts

WIDTH = 400
LEFT, RIGHT, TOP = 46, 12, 30
STRIP_WIDTH, STRIP_HEIGHT = 220, 26


def kind_of(name: str) -> str:
    """The class that colours a version; everything that is no model is grey."""
    return name if name in ("v1", "v2", "v3") else "other"


def strip_range(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """Ticks of the axis that all strips of the scores share."""
    values = [value for row in rows for value in row["each"]]
    return ticks(min(values) - 0.01, min(1.0, max(values) + 0.01), 3)


def strip(row: Mapping[str, Any], name: str, at: Sequence[float], texts: Texts) -> Drawing:
    """One row's accuracies on a line: a dot a seed, the mean as a stroke, ± sd as a bar."""
    found = row["accuracy"]
    title = texts("strip_title", name=row["name"])
    told = texts.spread(found if row["is_model"] else {**found, "sd": None})
    drawing = Drawing(name, STRIP_WIDTH, STRIP_HEIGHT, title, told)
    x = linear((at[0], at[-1]), (6, STRIP_WIDTH - 6))
    middle, kind = STRIP_HEIGHT / 2, kind_of(row["name"])
    for value in at:
        drawing.line((x(value), 0), (x(value), STRIP_HEIGHT), "grid")
    if found["sd"]:
        low, high = x(found["mean"] - found["sd"]), x(found["mean"] + found["sd"])
        drawing.rectangle(low, middle - 4, high - low, 8, f"band {kind}")
    for seed, value, source in zip(row["seeds"], row["each"], row["sources"], strict=True):
        if row["is_model"]:
            tip = texts("seed_tip", seed=seed, value=f"{value:.3f}")
            drawing.circle((x(value), middle), 3.2, f"dot {kind}", tip, source)
    drawing.line((x(found["mean"]), middle - 9), (x(found["mean"]), middle + 9), f"mean {kind}")
    return drawing


def strip_axis(at: Sequence[float], texts: Texts) -> Drawing:
    """The numbers over the strips."""
    drawing = Drawing("scores-axis", STRIP_WIDTH, 16, texts("accuracy"), f"{at[0]:g} – {at[-1]:g}")
    x = linear((at[0], at[-1]), (6, STRIP_WIDTH - 6))
    for place, value in enumerate(at):
        anchor = {0: "start", len(at) - 1: "end"}.get(place, "middle")
        edge = {"start": x(value) - 6, "end": x(value) + 6}.get(anchor, x(value))
        drawing.text(edge, 12, f"{value:g}", "tick", anchor)
    return drawing


def learning(version: str, runs: Sequence[Mapping[str, Any]], low: float, texts: Texts) -> Drawing:
    """Accuracy by epoch: training dashed, validation solid, the chosen epoch as a dot."""
    epochs = max(max(run["epochs"]) for run in runs)
    height = 270
    best = ", ".join(f"{run['seed']}: {run['best_epoch']}" for run in runs)
    drawing = Drawing(
        f"learning-{version}",
        WIDTH,
        height,
        texts("learning_title", version=version),
        texts("learning_description", best=best),
    )
    at = ticks(low, 1.0, 4)
    x = linear((1, max(epochs, 2)), (LEFT, WIDTH - RIGHT))
    y = linear((at[0], at[-1]), (height - 44, TOP))
    drawing.y_axis(y, at, (LEFT, WIDTH - RIGHT), ".2f", texts("accuracy"))
    drawing.x_axis(x, _whole(epochs), (LEFT, WIDTH - RIGHT), height - 44, "g", texts("epoch"))
    kinds = {"acc": "trained", "val_acc": f"curve {kind_of(version)}"}
    names = {"acc": texts("legend_training"), "val_acc": texts("legend_validation")}
    drawing.legend([(kinds[name], names[name]) for name in ("val_acc", "acc")], TOP - 14)
    for name, kind in kinds.items():
        for run in runs:
            points = [
                (x(epoch), y(value))
                for epoch, value in zip(run["epochs"], run.get(name, []), strict=False)
            ]
            if points:
                drawing.polyline(points, kind, texts("seed", seed=run["seed"]))
    for run in runs:
        if run["best_epoch"]:
            value = run["val_acc"][run["best_epoch"] - 1]
            tip = texts("seed_tip", seed=run["seed"], value=f"{value:.3f}")
            centre, kind = (x(run["best_epoch"]), y(value)), f"dot {kind_of(version)}"
            drawing.circle(centre, 3.5, kind, tip, run["source"])
    return drawing


def epochs(row: Mapping[str, Any], texts: Texts) -> Drawing:
    """A published model's accuracy by epoch: ours on test and validation, and what was printed."""
    printed = row["log"] or {"epochs": [], "val_acc": []}
    runs, name = row["curves"], row["name"][texts.language]
    last = max(max(one["epochs"], default=1) for one in (*runs, printed))
    values = [
        v for one in (*runs, printed) for key in ("val_acc", "test_acc") for v in one.get(key, [])
    ]
    height, top = 250, TOP + 16
    drawing = Drawing(
        f"epochs-{row['id']}", WIDTH, height, texts("epochs_title", name=name),
        texts("epochs_description"),
    )  # fmt: skip
    at = ticks(min(values), max(values), 4)
    x = linear((1, max(last, 2)), (LEFT, WIDTH - RIGHT))
    y = linear((at[0], at[-1]), (height - 44, top))
    drawing.y_axis(y, at, (LEFT, WIDTH - RIGHT), ".2f", texts("accuracy"))
    drawing.x_axis(x, _whole(last), (LEFT, WIDTH - RIGHT), height - 44, "g", texts("epoch"))
    kinds = {"val_acc": "curve v1", "test_acc": "curve v2"}
    names = [("curve v2", texts("legend_test")), ("curve v1", texts("legend_validation"))]
    drawing.legend(names if runs else [], TOP - 14)
    for key, kind in kinds.items():
        for run in runs:
            points = zip(run["epochs"], run.get(key, []), strict=False)
            drawing.polyline(
                [(x(epoch), y(value)) for epoch, value in points], kind,
                texts("seed", seed=run["seed"]),
            )  # fmt: skip
    if printed["epochs"]:
        drawing.legend([("printed", texts("legend_printed"))], TOP + 2)
        dots = [
            (x(epoch), y(value))
            for epoch, value in zip(printed["epochs"], printed["val_acc"], strict=True)
        ]
        if printed["epochs"][-1] - printed["epochs"][0] < len(dots):  # no epoch is left out
            drawing.polyline(dots, "printed")
        for dot in dots:
            drawing.circle(dot, 2, "dot printed")
    return drawing


def _whole(last: int) -> list[float]:
    """Epochs that get a number: the first, and each or every fifth, tenth…

    >>> _whole(4), _whole(12)
    ([1.0, 2.0, 3.0, 4.0], [1.0, 5.0, 10.0])
    """
    step = next(step for step in (1, 5, 10, 20, 50, 100, last) if last <= 10 * step)
    return [1.0, *(float(n) for n in range(step, last + 1, step) if n > 1)]


def calibration(version: str, found: Mapping[str, Any], texts: Texts) -> Drawing:
    """How often the model is right (up) where it gives a probability (right); below, how often."""
    height, base, floor = 346, 246, 300
    drawing = Drawing(
        f"calibration-{version}",
        WIDTH,
        height,
        texts("calibration_title", version=version),
        texts.spread(found["ece"], "ECE "),
    )
    at = [0.0, 0.25, 0.5, 0.75, 1.0]
    x = linear((0, 1), (LEFT, WIDTH - RIGHT))
    y = linear((0, 1), (base, TOP))
    drawing.y_axis(y, at, (LEFT, WIDTH - RIGHT), ".2f", texts("share_right"))
    drawing.line((x(0), y(0)), (x(1), y(1)), "ideal")
    kind = kind_of(version)
    most = max(one["count"] for one in found["bins"])
    for one in found["bins"]:
        bar = 34 * one["count"] / most
        left, right = x(one["low"]), x(one["high"])
        drawing.rectangle(left + 1.5, floor - bar, right - left - 3, bar, f"band {kind}")
    drawing.x_axis(x, at, (LEFT, WIDTH - RIGHT), floor, ".2f", texts("confidence"))
    drawing.polyline(
        [(x(one["confidence"]), y(one["accuracy"])) for one in found["bins"]], f"curve {kind}"
    )
    for one in found["bins"]:
        tip = texts(
            "calibration_tip",
            confidence=f"{one['confidence']:.2f}",
            accuracy=f"{one['accuracy']:.2f}",
            count=int(one["count"]),
        )
        drawing.circle((x(one["confidence"]), y(one["accuracy"])), 4, f"dot {kind}", tip)
    return drawing


def ranking(golden: Mapping[str, Any], texts: Texts) -> Drawing:
    """The article's probabilities and ours, by class, as bars."""
    article = golden["article"]
    labels = sorted(article, key=lambda label: -article[label])
    ours = golden["ours"]
    labels += sorted({name for one in ours.values() for name in one["probabilities"]} - set(labels))
    row, gap = 15, 16
    group = row * (1 + len(ours)) + gap
    height = TOP + group * len(labels)
    drawing = Drawing("ranking", WIDTH, height, texts("golden_title"), texts("golden_description"))
    left = 92
    x = linear((0, 1), (left, WIDTH - 74))
    for place, label in enumerate(labels):
        top = 14 + place * group
        words = fitted(label, left - 18)
        drawing.text(left - 12, top + group / 2 - gap / 2 + 5, words, "label", "end")
        bars = [("article", article.get(label), texts("the_article"))]
        for version, one in ours.items():
            found = one["probabilities"].get(label)
            bars.append((kind_of(version), found and found["mean"], version))
        for offset, (kind, value, name) in enumerate(bars):
            if value is None:
                continue
            y = top + offset * row
            drawing.rectangle(left, y + 2, x(value) - left, row - 4, f"bar {kind}")
            drawing.text(x(value) + 6, y + row - 3.5, f"{name} {value:.3f}", "tick")
    return drawing


SUBJECTS = {
    RAW: "subject_raw",
    PACKED: "subject_packed",
    ONNX: "subject_onnx",
    REST: "subject_rest",
    REST_ALONE: "subject_rest_alone",
    GRPC: "subject_grpc",
    INVOCATIONS: "subject_invocations",
    ALONE: "subject_alone",
    BATCHED: "subject_batched",
    OTHER: "subject_other",
    ARTICLE: "subject_article",
    UNMERGED: "subject_unmerged",
    **{name: name for name in PEERS},
}
"""What bench calls them: the key of their text."""

STYLES = {INVOCATIONS: "v2", ARTICLE: "v1"}
"""The subjects that the plots of speed show, and how each is drawn."""


def speed(bench: Mapping[str, Any], value: str, texts: Texts) -> Drawing | None:
    """Requests a second, or median milliseconds, against clients; None with one number of them."""
    rows = [row for row in bench["measurements"] if row["sentences"] == 1]
    shown = {
        subject: [
            (row["clients"], row["median"][value]) for row in rows if row["subject"] == subject
        ]
        for subject in STYLES
    }
    counts = sorted({clients for points in shown.values() for clients, _ in points})
    if len(counts) < 2:
        return None
    # Two rows of names: in the plot a name would lie on a curve or on a number of an axis.
    height, top = 286, TOP + 16
    drawing = Drawing(
        f"speed-{value.replace('_', '-')}", WIDTH, height, texts(value), texts("speed_description")
    )
    raw = [row["median"][value] for row in rows if row["subject"] == RAW and row["clients"] == 1]
    values = [number for points in shown.values() for _, number in points]
    at = ticks(0, max([*values, *raw]), 4)
    x = logarithmic((counts[0], counts[-1]), (LEFT + 4, WIDTH - RIGHT))
    y = linear((at[0], at[-1]), (height - 44, top))
    drawing.y_axis(y, at, (LEFT + 4, WIDTH - RIGHT), "g", texts(value))
    drawn = [subject for subject, points in shown.items() if points]
    names = [(f"curve {STYLES[one]}", texts(SUBJECTS[one])) for one in drawn]
    drawing.legend(names, TOP - 14)
    across = (LEFT + 4, WIDTH - RIGHT)
    drawing.x_axis(x, list(map(float, counts)), across, height - 44, "g", texts("clients"))
    if raw:
        drawing.legend([("ideal", texts(SUBJECTS[RAW]))], TOP + 2)
    for found in raw:
        drawing.line((x(counts[0]), y(found)), (x(counts[-1]), y(found)), "ideal")
    for subject, points in shown.items():
        if points:
            kind = STYLES[subject]
            drawing.polyline([(x(n), y(v)) for n, v in points], f"curve {kind}")
            for clients, found in points:
                drawing.circle(
                    (x(clients), y(found)), 3.5, f"dot {kind}", f"{clients}: {found:.1f}"
                )
    return drawing
