"""The plot of a load: clients and requests, instances, and latency, over one another in time.

python -m train2deploy.cloud.load_plot <load.json>    draws it again, beside the file
"""

import json
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.ticker import MaxNLocator, NullLocator

from train2deploy.plots import ACCENT, DIM, GREY, INK, PALE, THIRD, Plot, made, styled
from train2deploy.report.render import standalone, suffix
from train2deploy.texts import LANGUAGES, Texts, load


def write(found: Mapping[str, Any], beside: Path) -> list[Path]:
    """An SVG for each language, beside load.json and of its name."""
    paths = []
    for t in map(load, LANGUAGES):
        paths.append(beside.with_suffix(f"{suffix(t.language)}.svg"))
        with warnings.catch_warnings():
            # The cloud's environment has no font for Japanese; whoever reads the file has.
            warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
            paths[-1].write_text(standalone(drawn(found, t)), encoding="utf-8")
    return paths


@styled
def drawn(found: Mapping[str, Any], t: Texts) -> Plot:
    """What load.json holds as three curves above one another."""
    rows = found["timeline"]
    at = [row["at_s"] for row in rows]
    plot, (load_, instances, latency) = made(
        "load", title(found, t), told(found, t), 440, top=44, nrows=3, sharex=True
    )
    plot.figure.subplots_adjust(hspace=0.5)

    def column(key: str) -> list[float]:
        return [float("nan") if row[key] is None else row[key] for row in rows]

    load_.step(at, column("clients"), where="post", color=PALE, label=t("clients"))
    load_.plot(at, column("per_second"), color=ACCENT, label=t("load_per_second"))
    if any(column("errors")):
        load_.plot(at, column("errors"), "x", color=THIRD, label=t("load_errors"))
    for bound in found["bounds"] or ():
        instances.axhline(bound, color=PALE, linestyle=":", linewidth=1)
    look = {"color": GREY, "linestyle": "--", "label": t("load_desired")}
    instances.step(at, column("desired"), where="post", **look)
    look = {"color": ACCENT, "linestyle": "-", "label": t("load_instances")}
    instances.step(at, column("instances"), where="post", **look)
    instances.yaxis.set_major_locator(MaxNLocator(integer=True))
    for key, colour, line in (("p95_ms", PALE, "--"), ("p50_ms", INK, "-")):
        latency.plot(at, column(key), color=colour, linestyle=line, label=key[:3])
    latency.set_yscale("log")
    latency.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    latency.yaxis.set_minor_locator(NullLocator())
    latency.set_xlabel(t("load_seconds"))
    load_.set_ylim(bottom=0)
    instances.set_ylim(bottom=0)
    for axes, key in ((load_, "load_load"), (instances, "load_instances"), (latency, "load_ms")):
        axes.set_title(t(key))
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, borderaxespad=0.2)
    plot.figure.text(0.02, 0.005, rehearsed(found, t), color=DIM, fontsize=10)
    return plot


def title(found: Mapping[str, Any], t: Texts) -> str:
    return t("load_title", endpoint=found["endpoint"], kind=found["instance_type"])


def told(found: Mapping[str, Any], t: Texts) -> str:
    """What the curves say, for who does not see them."""
    said = t(
        "load_description",
        clients=", ".join(map(str, found["clients"])),
        seconds=f"{found['seconds']:g}",
        requests=found["requests"],
        failed=sum(found["errors"].values()),
        instances=" → ".join(steps(found["timeline"])),
        p50="–" if found["p50_ms"] is None else f"{found['p50_ms']:.0f}",
    )
    return t("between_sentences").join(filter(None, (said, rehearsed(found, t))))


def rehearsed(found: Mapping[str, Any], t: Texts) -> str:
    """How long a minute was, "" where it was one."""
    minute = found["emulator_minute_s"]
    return "" if minute in (None, 60) else t("load_minute", n=f"{minute:g}")


def steps(timeline: Sequence[Mapping[str, Any]]) -> list[str]:
    """The numbers of instances, one after the other.

    >>> steps([{"instances": 1}, {"instances": 1}, {"instances": 3}, {"instances": 1}])
    ['1', '3', '1']
    """
    counts = [row["instances"] for row in timeline]
    return [str(n) for place, n in enumerate(counts) if place == 0 or n != counts[place - 1]]


if __name__ == "__main__":
    recorded = Path(sys.argv[1])
    write(json.loads(recorded.read_text(encoding="utf-8")), recorded)
