"""Prometheus' text format 0.0.4, which /metrics answers with (docs/contract.md#a11)."""

import re
from bisect import bisect_left
from collections import OrderedDict
from typing import Dict, List, Tuple

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Where the model server has its part; TensorFlow Serving's usual path.
MODEL_SERVER_PATH = "/monitoring/prometheus/metrics"

# The upper bounds of every histogram's buckets.
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

_SAMPLE = re.compile(r"([^{ ]+)(?:\{(.*)\})? ")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


class Histogram:
    """How many observations fell into each bucket, and their sum."""

    __slots__ = ("counts", "sum")

    def __init__(self):
        self.counts = [0] * (len(SECONDS) + 1)
        self.sum = 0.0

    def observe(self, seconds):
        self.counts[bisect_left(SECONDS, seconds)] += 1
        self.sum += seconds


def families(prefix, described):
    """The lines of several metrics: "name kind help" → samples."""
    return "".join(family(prefix + key, samples) for key, samples in described.items())


def family(described, samples):
    """The lines of one metric, `described` as "name kind help".

    `samples`: (labels, a number or a Histogram).

    >>> print(family('hits_total counter Hits.', [({'status': 200}, 3)]), end='')
    # HELP hits_total Hits.
    # TYPE hits_total counter
    hits_total{status="200"} 3
    """
    name, kind, text = described.split(" ", 2)
    lines = [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
    for labels, value in samples:
        if not isinstance(value, Histogram):
            lines.append(f"{name}{_labels(labels)} {value}")
            continue
        total = 0
        for bound, count in zip([*map("{:g}".format, SECONDS), "+Inf"], value.counts):
            total += count
            lines.append("%s_bucket%s %d" % (name, _labels(dict(labels, le=bound)), total))
        lines.append(f"{name}_sum{_labels(labels)} {value.sum!r}")
        lines.append(f"{name}_count{_labels(labels)} {total}")
    return "\n".join(lines) + "\n"


def _labels(labels):
    if not labels:
        return ""
    return "{%s}" % ",".join(
        f'{name}="{str(value).translate(_ESCAPES)}"' for name, value in labels.items()
    )


def merged(texts):
    """One text of several model servers', by their numbers: each family once, samples told apart.

    >>> print(merged({0: '# TYPE a gauge\\na 1\\n', 1: '# TYPE a gauge\\na{b="c"} 2\\n'}), end='')
    # TYPE a gauge
    a{model_server="0"} 1
    a{model_server="1",b="c"} 2
    """
    families: Dict[str, Tuple[List[str], List[str]]] = OrderedDict()
    lines: List[str] = []
    for number, text in texts.items():
        for line in text.splitlines():
            if line.startswith("#"):
                head, lines = families.setdefault(line.split(" ", 3)[2], ([], []))
                if line not in head:
                    head.append(line)
            else:
                match = _SAMPLE.match(line)
                labels = ",".join(filter(None, [f'model_server="{number}"', match.group(2)]))
                lines.append("%s{%s} %s" % (match.group(1), labels, line[match.end() :]))
    return "".join("\n".join(head + lines) + "\n" for head, lines in families.values())
