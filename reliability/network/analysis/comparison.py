"""Difference of two accuracies on the same chips and images, whose common variation cancels.

Chips come from streams keyed by their address and images from theirs, so two runs with one seed are
on common random numbers whatever differs between them: a parameter of the card, a stress
condition, a coding.
"""

from typing import Any

import numpy as np
import xarray as xr

from reliability.errors import InputError, expect
from reliability.network.results import OF_CHIPS, table
from reliability.statistics.crossed import crossed_mean
from reliability.statistics.proportions import binomial_bound

_NAMES = ("accuracy", "other", "difference", "low", "high", "error_chips", "error_images",
          "error_unpaired")  # fmt: skip


def compare_accuracy(result: xr.Dataset, other: xr.Dataset, confidence: float = 0.95) -> xr.Dataset:
    """Return how much more accurate ``other`` is than ``result``, paired over chips and images.

    Parameters
    ----------
    result, other : Dataset
        Of `reliability.evaluate`, with one seed, on the same chips and images.
    confidence : float

    Returns
    -------
    Dataset
        ``accuracy`` of ``result`` and of ``other``, their ``difference`` (other - result) with
        ``low`` and ``high`` for all chips and images alike, its standard errors by the draw of
        chips (``error_chips``; NaN with one chip) and of images (``error_images``), and
        ``error_unpaired``, what it would have been on other chips and images. Over the dimensions
        that are not of chips and images (stress conditions, inferences), where there are any.

    Raises
    ------
    InputError
        Results without ``correct``, or that do not share seed, chips or images.

    Notes
    -----
    Both chips and images are samples: the interval is that of `reliability.statistics.crossed_mean`
    of the differences image by image, with chips of wafers that differ counted accordingly; where
    no image differs, the exact bound of the fraction of images that do.

    Examples
    --------
    >>> import reliability as rel
    >>> net, tech = rel.load_network("spirit"), rel.load_technology("oxram-130nm")
    >>> fewer, more = (rel.evaluate(net, tech, chips=4, images=500, coding=c)
    ...                for c in (rel.RateCoding(10), rel.RateCoding(12)))
    >>> found = compare_accuracy(fewer, more)
    >>> bool(found["low"] < found["difference"] < found["high"])
    True
    >>> bool(found["error_unpaired"] > 2 * np.hypot(found["error_chips"], found["error_images"]))
    True
    """
    _check_shared(result, other)
    tables = [table(each) for each in (result, other)]
    lead, groups = tables[0][1], tables[0][2]
    (mine, _, _), (theirs, other_lead, _) = tables
    if lead.shape != other_lead.shape:
        raise InputError(
            f"other: got the dimensions {dict(other_lead.sizes)} beside those of chips, expected "
            f"{dict(lead.sizes)}"
        )
    columns = []
    for a, b in zip(mine, theirs, strict=True):
        d = crossed_mean(b.astype(np.int8) - a.astype(np.int8), groups, confidence)
        alone = [crossed_mean(each, groups, confidence) for each in (a, b)]
        unpaired = [np.nan_to_num(each.row_error) ** 2 + each.column_error**2 for each in alone]
        unseen = 0.0 if d.low < d.high else binomial_bound(0, a.shape[1], 0.5 + confidence / 2)
        columns.append(
            (alone[0].mean, alone[1].mean, d.mean, d.low - unseen, d.high + unseen, d.row_error,
             d.column_error, float(np.sqrt(sum(unpaired))))
        )  # fmt: skip
    rows = np.array(columns).T.reshape(len(_NAMES), *lead.shape)
    out = xr.Dataset(
        {name: (lead.dims, row, {"units": "1"}) for name, row in zip(_NAMES, rows, strict=True)},
        coords={name: c for name, c in lead.coords.items() if set(c.dims) <= set(lead.dims)},
    )
    out.attrs = _shared_attributes(result, other) | {
        "confidence": confidence,
        "chips": mine.shape[1],
        "images": mine.shape[2],
    }
    return out


def _check_shared(result: xr.Dataset, other: xr.Dataset) -> None:
    for name, each in (("result", result), ("other", other)):
        expect(each, xr.Dataset, name, "a Dataset, as evaluate gives it")
        if "correct" not in each:
            raise InputError(f"{name}: expected 'correct' of chips and images, as evaluate gives")
    seeds = [each.attrs.get("seed") for each in (result, other)]
    if seeds[0] != seeds[1] or seeds[0] is None:
        raise InputError(f"other: got seed {seeds[1]}, result has {seeds[0]}; pairs need one seed")
    a, b = result["correct"], other["correct"]
    names = [n for n in (*OF_CHIPS, "image") if n in a.coords or n in b.coords]
    for key in names:
        same = key in a.coords and key in b.coords
        if not same or not np.array_equal(a[key].values, b[key].values):
            what = "images" if key == "image" else "chips"
            counts = [each[key].size if key in each.coords else 0 for each in (a, b)]
            raise InputError(
                f"other: got other {what} than result ({key}: {counts[1]} and {counts[0]}); "
                "pairs need the same"
            )


def _shared_attributes(result: xr.Dataset, other: xr.Dataset) -> dict[str, Any]:
    return {
        name: value
        for name, value in result.attrs.items()
        if name in other.attrs and np.array_equal(other.attrs[name], value)
    }
