"""The metric of a study's chips in words and numbers: fractions in percent, others as they are."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from reliability.campaign.metric_words import NAMES, name_of
from reliability.campaign.spec import Study
from reliability.network.metrics import FRACTIONS
from reliability.report.words import percent, percent_range, typeset


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
        return percent(value, digits) if self.fraction else typeset(f"{value:.4g}")

    def ends(self, found: Mapping[str, Any]) -> str:
        """Print the interval of an answer."""
        if self.fraction:
            return percent_range(found)
        return f"{self.text(found['low'])} to {self.text(found['high'])}"

    def difference(self, *values: float) -> list[str]:
        """Print differences: in points of fractions."""
        if self.fraction:
            return [f"{100 * value:+.2f}" for value in values]
        return [typeset(f"{value:+.3g}") for value in values]
