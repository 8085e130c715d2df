"""The metric of a study's chips in words and numbers: fractions in percent, others as they are."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from reliability.campaign.metric_words import NAMES, name_of
from reliability.campaign.spec import Study
from reliability.network.metrics import FRACTIONS
from reliability.report.words import ends_text, percent, typeset


class Measure(NamedTuple):
    """Name of a metric, and whether it is printed in percent."""

    name: str
    fraction: bool

    @classmethod
    def of(cls, study: Study) -> "Measure":
        """Return that of a study."""
        return cls.named(study.network.metric)

    @classmethod
    def named(cls, metric: str) -> "Measure":
        """Return that of a metric's name in ``summary.json``."""
        return cls(name_of(metric), metric in FRACTIONS)

    @property
    def title(self) -> str:
        """Name at the start of a heading."""
        own = self.name not in NAMES.values()  # a function of the user is not capitalised
        return self.name if own else self.name[:1].upper() + self.name[1:]

    @property
    def mean(self) -> str:
        """Name of its mean over chips."""
        return self.name if self.name.startswith("mean ") else f"mean {self.name}"

    def text(self, value: float, digits: int = 1) -> str:
        """Print a value.

        >>> Measure("accuracy", True).text(0.8372), Measure("mean squared error", False).text(0.12)
        ('83.7 %', '0.12')
        """
        if self.fraction or math.isnan(value):
            return percent(value, digits)
        return typeset(f"{value:.4g}")

    def ends(self, found: Mapping[str, Any]) -> str:
        """Print the interval of an answer."""
        return ends_text(self.text(found["low"]), self.text(found["high"]))

    def difference(self, *values: float) -> list[str]:
        """Print differences: in points of fractions."""
        said = [f"{100 * v:+.2f}" if self.fraction else typeset(f"{v:+.3g}") for v in values]
        return [
            "not known" if math.isnan(v) else text for v, text in zip(values, said, strict=True)
        ]
