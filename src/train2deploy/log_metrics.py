"""Metric definitions, and what they find in a job's log (docs/contract.md#b6)."""

import re
from collections.abc import Iterable
from datetime import datetime, timezone

from train2deploy import versions

NUMBER = r"([0-9.]+(?:e[-+]?[0-9]+)?)"
# The article's, but that its `acc:` also matches in `val_acc:`: both came out mixed.
DEFINITIONS = [
    {"Name": f"{kind}:{short}", "Regex": rf"\b{prefix}{name}: {NUMBER}"}
    for kind, prefix in (("train", ""), ("valid", "val_"))
    for short, name in (
        ("acc", "acc"),
        ("mse", "mean_squared_error"),
        ("mae", "mean_absolute_error"),
        ("top-k", "top_k_categorical_accuracy"),
    )
]


def of(version: str) -> list[dict[str, str]]:
    """What the version's script declares; else what Keras prints."""
    return versions.declared(version).metrics or DEFINITIONS


class Metrics:
    """The last value of each metric, as the platform's FinalMetricDataList has them."""

    def __init__(self, definitions: Iterable[dict[str, str]] = DEFINITIONS) -> None:
        self._patterns = [(each["Name"], re.compile(each["Regex"])) for each in definitions]
        self.last: dict[str, float] = {}
        self.when: dict[str, datetime] = {}

    def read(self, line: str) -> list[tuple[str, float]]:
        """
        >>> metrics = Metrics()
        >>> metrics.read(" - 1s - loss: 0.9 - acc: 0.50 - val_loss: 0.8 - val_acc: 0.75")
        [('train:acc', 0.5), ('valid:acc', 0.75)]
        >>> metrics.last
        {'train:acc': 0.5, 'valid:acc': 0.75}
        """
        found = []
        for name, pattern in self._patterns:
            for value in pattern.findall(line):
                try:
                    self.last[name] = float(value)
                except ValueError:
                    continue
                self.when[name] = datetime.now(timezone.utc)
                found.append((name, self.last[name]))
        return found
