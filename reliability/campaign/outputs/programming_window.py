"""The programming window in a study: error rates of both states against programming conditions.

Closed forms of the nominal card, and of cards sampled from its uncertainty.
"""

import warnings
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from reliability.campaign.draw_differences import difference_of_draws
from reliability.campaign.frame import StudyFrame
from reliability.campaign.kind import Group, Kind, Read, Results, Row, Task, cut
from reliability.campaign.limits import limit_row
from reliability.campaign.tables import Rising, Table
from reliability.errors import InputError
from reliability.population import programming_window
from reliability.statistics.means import nominal_and_drawn
from reliability.technology import Technology
from reliability.units import Amperes, Seconds, Share, Siemens, Volts

AXES = ("compliance_current", "reset_voltage", "pulse_width")
_KEPT = ("lrs", "hrs", "window", "reference", "error_rate", "bit_error_rate", "sigmas")
_OF_VERIFY = ("pulses", "failed_to_verify")
_ATTRIBUTES = ("warnings", "target_error_rate", "defect_error_rate")
_DRAWS = 1  # per task
_WORK = 100_000  # image evaluations that take as long as one condition


class WindowTable(Table):
    """Conditions of the programming window, where the outputs have "window"."""

    compliance_currents: Annotated[tuple[Amperes, ...], Rising] = ()
    """Compliance currents of the SET, rising; none: that of the study."""
    reset_voltages: Annotated[tuple[Volts, ...], Rising] = ()
    """Stop voltages of the RESET, rising; none: that of the study."""
    pulse_widths: Annotated[tuple[Seconds, ...], Rising] = ()
    """Widths of both pulses, rising; none: that of the study."""
    reference: Siemens | None = None
    """Read reference; by default the one with the lowest bit-error rate at each condition."""
    time: Seconds = 0.0
    """Time of relaxation since programming."""
    target_error_rate: Annotated[float, Field(gt=0, lt=1)] = 1e-6
    """Bit-error rate that a condition has to reach."""

    @property
    def axes(self) -> dict[str, list[float]]:
        """Values of each condition that is mapped."""
        values = dict(
            zip(AXES, (self.compliance_currents, self.reset_voltages, self.pulse_widths),
                strict=True)
        )  # fmt: skip
        return {name: list(found) for name, found in values.items() if found}


class WindowLimits(Table):
    bit_error_rate: Share | None = None
    """Largest bit-error rate at the best programming condition."""


def _tasks(study: StudyFrame, point: int) -> Iterator[Task]:
    cards = 1 + (study.uncertainty.draws if study.uncertainty else 0)
    conditions = int(np.prod([len(v) for v in study.options("window").axes.values()]))
    return cut("window", point, cards, _DRAWS, _WORK * conditions)


def _check(study: StudyFrame) -> None:
    technology = study.load_technology()
    if not technology.has_states:
        raise InputError(f"window: {technology.name} has levels, not LRS and HRS")


def _windows(study: StudyFrame, task: Task) -> xr.Dataset:
    """Map the window of some cards; draw 0 is the nominal card."""
    technology, parts = study.load_technology(), []
    for k in range(task.first, task.first + task.count):
        parts.append(_window(study, technology.drawn(study.seed, k) if k else technology))
    draw = np.arange(task.first, task.first + task.count)
    return xr.concat(parts, xr.DataArray(draw, dims="draw", name="draw"), combine_attrs="override")


def _window(study: StudyFrame, card: Technology) -> xr.Dataset:
    w = study.options("window")
    with warnings.catch_warnings():  # they are an attribute, and in the summary
        warnings.simplefilter("ignore")
        found = programming_window(
            card,
            **w.axes,
            reference=w.reference,
            verify=study.programming.verification(),
            time=w.time,
            target_error_rate=w.target_error_rate,
        )
    found = found[[*_KEPT, *(name for name in _OF_VERIFY if name in found)]]
    found.attrs = {name: found.attrs[name] for name in _ATTRIBUTES}
    return found


def windows_of(study: StudyFrame) -> Results:
    """Return what a run of a study would store of its programming windows, without a store."""
    cards = 1 + (study.uncertainty.draws if study.uncertainty else 0)
    return {"window": _windows(study, Task("window", 0, 0, cards, cards, cards, 0))}


def rates(study: StudyFrame, results: Results) -> xr.Dataset:
    """Return the nominal window with the interval of its bit-error rate over the sampled cards.

    Without sampled cards both ends are the nominal rate.

    Parameters
    ----------
    study : StudyFrame
    results : dict of str to Dataset

    Returns
    -------
    Dataset
        Variables of `reliability.programming_window`, ``bit_error_rate_low`` and
        ``bit_error_rate_high``.
    """
    data = results["window"].load()
    nominal = data.isel(draw=0, drop=True)
    ends = nominal_and_drawn(data["bit_error_rate"].transpose("draw", ...).values, study.confidence)
    return nominal.assign({
        f"bit_error_rate_{name}": nominal["bit_error_rate"].copy(data=end)
        for name, end in zip(("low", "high"), ends, strict=True)
    })  # fmt: skip


def best(found: xr.Dataset) -> dict[str, int]:
    """Return the place of the condition with the lowest bit-error rate."""
    rate = found["bit_error_rate"]
    place = np.unravel_index(int(np.argmin(rate.values)), rate.shape)
    return dict(zip(map(str, rate.dims), map(int, place), strict=True))


def window_answer(study: StudyFrame, results: Results) -> dict[str, Any]:
    """Return what ``summary.json`` says of the best condition and of the target."""
    found = rates(study, results)
    at, target = found.isel(best(found)), study.options("window").target_error_rate
    reached = found["bit_error_rate"] <= target
    return {
        "window": {
            "target_error_rate": target,
            "conditions": int(reached.size),
            "conditions_reaching_target": int(reached.sum()),
            "best": {
                **{name: float(at[name]) for name in AXES if name in found.dims},
                "bit_error_rate": float(at["bit_error_rate"]),
                "low": float(at["bit_error_rate_low"]),
                "high": float(at["bit_error_rate_high"]),
                "window_decades": float(at["window"]),
                "sigmas": float(at["sigmas"]),
                "reference_s": float(at["reference"]),
                "lrs_s": float(at["lrs"]),
                "hrs_s": float(at["hrs"]),
            },
            "defect_error_rate": float(found.attrs["defect_error_rate"]),
            "draws": int(results["window"].sizes["draw"]) - 1,
            "confidence": study.confidence,
        }
    }


def _outcomes(study: StudyFrame, results: Results, answer: dict[str, Any]) -> Iterator[Row]:
    limit, found = study.options("limits").bit_error_rate, answer["window"]["best"]
    if limit is not None:
        values = found["bit_error_rate"], found["low"], found["high"]
        yield limit_row("bit_error_rate", limit, "most", values)


def _compare(first: Read, other: Read, confidence: float) -> Iterator[Row]:
    """Compare the bit-error rates of the best conditions by their ratio, over the samples."""
    a, b = first[0], other[0]
    cards = [study.named_technology(study.technology).fingerprint for study in (a, b)]
    rate = [
        results["window"]["bit_error_rate"].isel(best(rates(study, results))).values
        for study, results in (first, other)
    ]
    nominal = [float(each[0]) for each in rate]
    if min(float(each.min()) for each in rate) <= 0:
        return
    paired = a.seed == b.seed and cards[0] == cards[1]
    found, how = difference_of_draws([r[1:] for r in rate], paired, True, confidence, "card")
    yield {
        "quantity": "bit-error rate at the best programming condition", "condition": {},
        "unit": "1", "measure": "ratio", "first": nominal[0], "other": nominal[1],
        "ratio": nominal[1] / nominal[0], "paired": paired, "how": how, **found,
    }  # fmt: skip


KIND = Kind(
    of_measured_cells=True,
    uses=("programming",),
    table=WindowTable,
    default=WindowTable(),
    groups={"window": Group("draw", _windows)},
    tasks=_tasks,
    check=_check,
    answer=window_answer,
    limits=WindowLimits,
    outcomes=_outcomes,
    compare=_compare,
)
