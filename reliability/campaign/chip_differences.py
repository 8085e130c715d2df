"""Differences between the chips of two studies, and how well they are known.

Chips of two studies with the same seed have the same latent variables, so chip 7 of one is matched
with chip 7 of the other: the mean of their differences is known better than either mean (paired).
Studies with other seeds, or other wafers, have nothing in common: their variances add (unpaired,
Welch), and chips of a few wafers decide nothing, as they do not tell how wafers differ. Images that
both have classified are the same test to both; with other images the error of drawing them counts
for both.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reliability.campaign.frame import StudyFrame
from reliability.campaign.selection import FEWEST_WAFERS
from reliability.statistics.differences import paired_difference, unpaired_difference

UNTESTED = dict.fromkeys(("low", "high", "p"), float("nan"))


def share_chips(a: StudyFrame, b: StudyFrame) -> bool:
    """Whether chip k of both studies has the same latent variables."""
    return a.seed == b.seed and a.population.dies_per_wafer == b.population.dies_per_wafer


def images_differ(a: StudyFrame, b: StudyFrame, images: int, others: int) -> bool:
    """Whether two studies classify other images."""
    return data_of(a) != data_of(b) or images != others


def of_images(mean: float, images: int) -> float:
    """Variance of a mean accuracy by the draw of the images."""
    return mean * (1 - mean) / images


def difference_of_chips(
    values: list[NDArray[np.float64]],
    wafers: list[NDArray | None],
    paired: bool,
    images: float | None,
    confidence: float,
) -> dict[str, Any]:
    """Return means of chips, their difference, and how it was found.

    ``images`` is the variance that other images add, None where both have the same.
    """
    x, y = values
    apart = 0.0 if images is None else images
    if paired:
        n = min(x.size, y.size)
        of_both = wafers[int(np.argmin([x.size, y.size]))]
        found = paired_difference(x[:n], y[:n], confidence, apart, of_both)
        how = f"paired: the same {n} chips"
    elif wafers[0] is None or wafers[1] is None:
        found = {"difference": float(y.mean() - x.mean()), **UNTESTED}
        how = (f"not tested: other chips, on fewer than {FEWEST_WAFERS} wafers, which do not tell "
               "how wafers differ")  # fmt: skip
    else:
        found = unpaired_difference(x, y, confidence, apart, (wafers[0], wafers[1]))
        how = (f"unpaired: {x.size} and {y.size} chips of a lot each, whose spread between "
               "lots is not in the interval")  # fmt: skip
    how += ", the same images" if images is None else ", other images"
    return {"first": float(x.mean()), "other": float(y.mean()), "paired": paired, "how": how,
            **found}  # fmt: skip


def common_conditions(
    a: StudyFrame, b: StudyFrame
) -> Iterator[tuple[dict[str, Any], list[dict[str, float]]]]:
    """Yield the conditions that two studies share, and the ends of missions that differ."""
    for age in a.stress.combinations:
        fresh = age["time"] == 0 and not (
            age["reads"] or age["inferences"] or age["cycles"] or a.stress.preconditioning
        )
        again = fresh and age["temperature"] != a.stress.temperatures[0]
        if age in b.stress.combinations and not again:
            yield age, [age, age]
    ends = [a.stress.end, b.stress.end]
    if ends[0] != ends[1]:
        yield {"of_first": ends[0], "of_other": ends[1]}, ends


def data_of(study: StudyFrame) -> str:
    """Return the name of the data that a study's network classifies."""
    return study.network.data or str(getattr(study.load_network(), "data", "mnist28"))


def data_apart(a: StudyFrame, b: StudyFrame) -> str:
    """Say why accuracies of two studies cannot be compared, "" where they can."""
    learned = [data_of(study).rstrip("0123456789") for study in (a, b)]
    if learned[0] == learned[1]:
        return ""
    return f"networks of {learned[0]} and of {learned[1]}, whose accuracies have nothing in common"
