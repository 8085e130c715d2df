"""Which parameters of a card make the interval of the failing macros wide.

Each uncertain parameter alone is set to its 5 and 95 % quantiles, the others kept; the words that
fail at the two say how much of the interval is that parameter's. Effects of two parameters together
and correlations of the card are left out, so that the parts do not add up to the interval.
"""

from collections.abc import Sequence
from typing import Unpack

import numpy as np
import xarray as xr

from reliability.errors import InputError, unknown_name
from reliability.mission import MissionProfile
from reliability.product.error_correction import Code
from reliability.product.macro import Conditions, Dies, Setting, as_code, shipped_ppm
from reliability.technology import Technology, expect_technology

ENDS = {"low": -1.6448536, "high": 1.6448536}  # standard normal deviates of 5 and 95 %
_ACTS = ("programming", "relaxation", "retention", "read_disturb", "noise", "defects")
_WEARS = ("endurance", "wear")  # sections that act on cells that have been cycled


def acting_parameters(technology: Technology, *, worn: bool) -> dict[str, list[float]]:
    """Return the uncertain parameters that macros depend on, each with its 5 and 95 % quantiles.

    Parameters
    ----------
    technology : Technology
    worn : bool
        Whether cells are cycled before or during the mission.

    Examples
    --------
    >>> import reliability as rel
    >>> card = rel.load_technology("oxram-130nm")
    >>> "relaxation.HRS.sigma" in acting_parameters(card, worn=False)
    True
    """
    sections = _ACTS + (_WEARS if worn else ())
    return {
        name: [technology.parameters[name].at(z) for z in ENDS.values()]
        for name in technology.uncertain
        if name.split(".")[0] in sections
    }


def interval_drivers(
    technology: Technology,
    profile: MissionProfile,
    *,
    bits: int = 2**20,
    code: Code | tuple[int, int, int] = (72, 64, 1),
    lots: int = 2,
    seed: int = 0,
    parameters: Sequence[str] | None = None,
    **conditions: Unpack[Conditions],
) -> xr.Dataset:
    """Return the failing macros with each parameter at the ends of its uncertainty.

    Parameters
    ----------
    technology, profile, bits, code, lots, seed, **conditions
        As for `macro_failures`.
    parameters : sequence of str, optional
        Names of parameters; by default all uncertain ones that act (`acting_parameters`).

    Returns
    -------
    Dataset
        ``failing_ppm`` and ``word_failure`` over (parameter, end), ``end`` being "low" and "high"
        (quantiles of 5 and 95 %), and ``value`` of the parameter; parameters in falling order of
        the ratio of the two word failures. ``attrs`` has those of the nominal card.

    Raises
    ------
    InputError
        A card without uncertain parameters, and as for `macro_failures`.

    Examples
    --------
    >>> import reliability as rel
    >>> card = rel.load_technology("oxram-130nm")
    >>> names = ["relaxation.HRS.sigma"]
    >>> day = rel.MissionProfile.constant("1 day", "25 degC")
    >>> found = interval_drivers(card, day, parameters=names)
    >>> bool(found["word_failure"].sel(end="high") > found["word_failure"].sel(end="low"))
    True
    """
    expect_technology(technology)
    uncertain = acting_parameters(technology, worn=bool(conditions.get("cycles")))
    names = list(uncertain if parameters is None else parameters)
    for name in names:
        if name not in uncertain:
            raise unknown_name("uncertain parameter", name, uncertain)
    if not names:
        raise InputError(f"technology: {technology.name} has no uncertain parameter to vary")
    setting = Setting.of(profile, bits, as_code(code), **conditions)

    def failures(card: Technology) -> tuple[float, float]:
        found = Dies(card, setting).of_lots(range(lots), seed)
        return float(shipped_ppm(found)), float(found.word.mean())

    values = np.array([uncertain[name] for name in names])
    ends = np.array([
        [failures(technology.with_values({name: float(value)})) for value in uncertain[name]]
        for name in names
    ])  # fmt: skip
    logs = np.log(np.maximum(ends[..., 1], 1e-300))
    order = np.argsort(-np.abs(logs[:, 1] - logs[:, 0]))
    ppm, word = failures(technology)
    of = ("parameter", "end")
    return xr.Dataset(
        {
            "failing_ppm": (of, ends[order, :, 0], {"units": "1e-6"}),
            "word_failure": (of, ends[order, :, 1], {"units": "1"}),
            "value": (of, values[order]),
        },
        {"parameter": [names[k] for k in order], "end": list(ENDS)},
        {"failing_ppm": ppm, "word_failure": word, "technology": technology.name, "seed": seed},
    )
