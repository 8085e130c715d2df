"""Wanted limits against what a study found: met, not met, or not decided by the interval."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import xarray as xr

from reliability.campaign.selection import at_age
from reliability.campaign.spec import Study
from reliability.network import accuracy_yield

Outcome = Literal["met", "not met", "not decided"]


def outcome(low: float, high: float, limit: float, sense: Literal["least", "most"]) -> Outcome:
    """Say whether a whole interval is on the good side of a limit, or on the other.

    Examples
    --------
    >>> outcome(0.83, 0.85, 0.82, "least"), outcome(0.81, 0.85, 0.82, "least")
    ('met', 'not decided')
    >>> outcome(0.83, 0.85, 0.82, "most")
    'not met'
    """
    good, bad = (low >= limit, high < limit) if sense == "least" else (high <= limit, low > limit)
    return "met" if good else "not met" if bad else "not decided"


def limit_answers(
    study: Study, results: dict[str, xr.Dataset], answers: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield each wanted limit of a study without a sweep with what was found.

    Parameters
    ----------
    study : Study
    results : dict of str to Dataset
    answers : dict
        What the summary says of accuracy, endurance and crossbar.

    Yields
    ------
    dict
        ``limit`` (key of ``[limits]``), ``wanted``, ``sense``, ``value``, ``low``, ``high``,
        ``outcome``, ``decides`` (False for ages before the end of the mission), and ``age``,
        ``temperature_k`` or ``note`` where they say more.
    """
    wanted = study.limits
    if wanted.accuracy is not None:
        end = study.stress.end
        for age, found in zip(study.stress.combinations, answers["accuracy_by_age"], strict=True):
            yield _answer(
                "accuracy", wanted.accuracy, "least", found["mean"], found["low"], found["high"],
                decides=age == end, age=age,
            )  # fmt: skip
    if wanted.chips_below is not None:
        value, low, high, note = chips_below(study, results)
        yield _answer("chips_below", wanted.chips_below, "most", value, low, high,
                      age=study.stress.end, note=note)  # fmt: skip
    if wanted.failed_cells is not None:
        for found in answers["endurance"]:
            low = min(found["low"], found.get("drawn_low", 1.0))
            high = max(found["high"], found.get("drawn_high", 0.0))
            yield _answer("failed_cells", wanted.failed_cells, "most", found["fraction_failed"],
                          low, high, temperature_k=found["temperature_k"])  # fmt: skip
    if wanted.array_lines is not None:
        found = answers["crossbar"]
        yield _answer("array_lines", wanted.array_lines, "least", found["size"], found["low"],
                      found["high"])  # fmt: skip


def _answer(
    name: str, wanted: float, sense: Literal["least", "most"], value: float, low: float,
    high: float, *, decides: bool = True, **more: Any,
) -> dict[str, Any]:  # fmt: skip
    return {
        "limit": name, "wanted": wanted, "sense": sense, "value": float(value), "low": float(low),
        "high": float(high), "outcome": outcome(low, high, wanted, sense), "decides": decides,
        **more,
    }  # fmt: skip


def chips_below(study: Study, results: dict[str, xr.Dataset]) -> tuple[float, float, float, str]:
    """Return the share of chips below the wanted accuracy, its interval and a note.

    The interval holds the exact binomial one of the chips and, where cards were drawn, the shares
    of their chips: too wide with few chips of each card, never too narrow.
    """
    assert study.limits.accuracy is not None  # the spec asks for it
    end, limit = study.stress.end, study.limits.accuracy
    chips = at_age(results["chips"], end).load()
    counted = accuracy_yield(
        chips.assign_attrs(images=study.network.images), limit, study.confidence, seed=study.seed
    ).sel(estimate="count")
    value, low, high = (float(counted[name]) for name in ("fraction", "low", "high"))
    note = str(counted["warning"].item())
    if "draws" in results:
        draws = at_age(results["draws"]["accuracy"], end)
        shares = (draws < limit).mean("chip").values
        tail = (1 - study.confidence) / 2
        low = min(low, float(np.quantile(shares, tail)))
        high = max(high, float(np.quantile(shares, 1 - tail)))
    return value, low, high, note
