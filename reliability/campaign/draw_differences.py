"""Differences between answers of two studies that are known by sampled parameters only.

Sample k of two studies with the same seed, card and component parameters has the same parameters,
so what is common cancels (paired).
"""

import numpy as np

from reliability.campaign.chip_differences import UNTESTED
from reliability.statistics.differences import drawn_difference

_ROUNDING = 1e-9  # relative; a smaller difference of two samples is none


def difference_of_draws(
    draws: list[np.ndarray], paired: bool, relative: bool, confidence: float, of: str
) -> tuple[dict[str, float], str]:
    """Return the interval and p of a difference or ratio of samples, and how they were found.

    Parameters
    ----------
    draws : list of ndarray
        Of both studies.
    paired : bool
        Whether sample k of both has the same parameters.
    relative : bool
        Whether their ratio is tested, by its logarithm, instead of their difference.
    confidence : float
    of : str
        What is sampled: "card", "card and components".
    """
    x, y = draws
    n = min(x.size, y.size)
    if paired and np.allclose(x[:n], y[:n], rtol=_ROUNDING, atol=0):
        x = y
    if n < 2:
        return UNTESTED, "not tested: nothing was sampled"
    if not np.isfinite(np.concatenate(draws)).all():
        return UNTESTED, "not tested: some samples are unbounded"
    how = f"unpaired: {x.size} and {y.size} draws, of other seeds, cards or components"
    if paired:
        x, y, how = x[:n], y[:n], f"paired: the same {n} draws of {of}"
    if not relative:
        return drawn_difference(x, y, confidence, paired=paired), how
    found = drawn_difference(np.log(x), np.log(y), confidence, paired=paired)
    return {"low": np.exp(found["low"]), "high": np.exp(found["high"]), "p": found["p"]}, how
