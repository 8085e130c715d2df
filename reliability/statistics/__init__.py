"""Statistics of reliability: intervals of proportions and means; knows no devices."""

from reliability.statistics.intervals import (
    Interval,
    binomial_bound,
    clopper_pearson,
    mean_interval,
    wilson,
)

__all__ = ["Interval", "binomial_bound", "clopper_pearson", "mean_interval", "wilson"]
