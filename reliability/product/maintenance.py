"""Maintenance of a macro: rewriting cells before too many of them are lost, and what it costs.

- ``refresh``: every cell is rewritten after each interval;
- ``scrub``: every word is read and corrected after each interval, and words with a corrected error
  are rewritten (all their cells), words beyond correction are lost;
- ``none``.

Between two maintenance times cells age from their last write. Refreshed cells begin anew each time,
so that the macro survives the mission if no interval fails: 1 - (1 - P)^intervals. Each rewrite is
a write cycle of the card's wear: the intervals are computed at the wear of four moments of the
mission and interpolated in between. The verify of a rewrite finds the words with more failed cells
than the code corrects while their data are at hand, and spare words that the test before shipment
has left take their place (repair in the field); a macro fails once it has no more of them.
Scrubbing rewrites only words that had an error; all others stay on the path that they began, so its
failures are those of words that gain more than the code corrects within one interval, summed over
the mission:

    P(word) = sum over intervals of P(> t wrong at the end | at most t wrong before)

with the errors of an interval the difference of the cells misread at its two ends. Cells that are
wrong for good (stuck) stay wrong. The energy of a mission is that of its reads, of the rewrites and
of the reads of a scrub, check bits included; the cheapest policy that keeps a limit has the least.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import scipy
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError, expect, unknown_name
from reliability.mission import MissionProfile, Segment
from reliability.product.error_correction import block_failure, failure_of_weak_cells
from reliability.product.macro import Dies, Setting
from reliability.technology import Technology
from reliability.units import duration, quantity

Floats = NDArray[np.float64]
Kind = Literal["none", "refresh", "scrub"]
KINDS = ("none", "refresh", "scrub")
_FEWEST = 1e-9  # fraction of accepted macros below which a lot ships none
_MOMENTS = 4  # of the mission, at which the wear of the rewrites is taken


@dataclass(frozen=True)
class Policy:
    """A maintenance policy.

    Parameters
    ----------
    kind : {"none", "refresh", "scrub"}
    interval : float or str
        s; of ``none`` nothing.
    write_time : float or str
        Of one word, s.
    write_energy : float or str
        Of one cell, J.
    read_energy : float or str
        Of one cell, J.
    alternating : bool
        Whether the polarity of reads alternates, which turns read disturb about.

    Raises
    ------
    InputError
        An unknown kind, an interval of 0, a time or energy below 0.
    """

    kind: Kind
    interval: float = math.inf
    write_time: float = 1e-6
    write_energy: float = 2e-10
    read_energy: float = 1e-12
    alternating: bool = False

    def __init__(
        self, kind: Kind, interval: float | str = math.inf, write_time: float | str = 1e-6,
        write_energy: float | str = 2e-10, read_energy: float | str = 1e-12,
        alternating: bool = False,
    ) -> None:  # fmt: skip
        set_policy(self, KINDS, kind, interval, alternating, write_time, write_energy, read_energy)


def set_policy(
    policy: object, kinds: Sequence[str], kind: str, interval: float | str, alternating: bool,
    write_time: float | str, write_energy: float | str, read_energy: float | str,
) -> None:  # fmt: skip
    """Check what policies of maintenance have in common, and set it on a frozen one."""
    if kind not in kinds:
        raise unknown_name("kind of maintenance", str(kind), kinds)
    if kind != "none" and interval == math.inf:
        raise InputError(f"interval: missing, {kind} needs one")
    expect(alternating, bool, "alternating", "True or False")
    found = {
        "kind": kind,
        "interval": math.inf if kind == "none" else quantity(interval, "s", "interval", low=1e-9),
        "alternating": alternating,
        "write_time": quantity(write_time, "s", "write_time", low=0.0),
        "write_energy": quantity(write_energy, "J", "write_energy", low=0.0),
        "read_energy": quantity(read_energy, "J", "read_energy", low=0.0),
    }
    for name, value in found.items():
        object.__setattr__(policy, name, value)


class Maintained(NamedTuple):
    """What a mission with maintenance does to macros, for each lot.

    Attributes
    ----------
    macro : ndarray, shape (lots, dies)
        Probability that an accepted macro fails.
    accepted : ndarray, shape (lots, dies)
        Probability that the test before shipment accepts it.
    uber : ndarray, shape (lots,)
        Uncorrectable bit-error rate of a read at the end, just before maintenance is due.
    rewrites : float
        Of a cell over the mission, mean.
    """

    macro: Floats
    accepted: Floats
    uber: Floats
    rewrites: float

    @property
    def failing(self) -> Floats:
        """Failing fraction of the accepted macros of each lot; 1 where hardly one is accepted."""
        shipped = self.accepted.sum(axis=1)
        fails = (self.macro * self.accepted).sum(axis=1) / np.maximum(shipped, 1e-300)
        return np.where(shipped > _FEWEST * self.accepted.shape[1], fails, 1.0)

    @property
    def shipped(self) -> Floats:
        """Fraction of the macros of each lot that the test before shipment accepts."""
        return np.asarray(self.accepted.mean(axis=1))


def mission_failures(
    technology: Technology, use: Segment, policy: Policy, setting: Setting, lots: range, seed: int
) -> Maintained:
    """Return the failing macros of quasi-random dies of each lot over a mission with maintenance.

    Parameters
    ----------
    technology : Technology
    use : Segment
        The mission at one condition; its reads are spread evenly.
    policy : Policy
    setting : Setting
        Of `macro_failures`; its profile comes before the mission.
    lots : range
    seed : int

    Raises
    ------
    InputError
        An interval shorter than maintenance takes; a profile before a mission that is maintained.
    """
    count = check_policy(use, policy, setting)
    use = replace(use, alternating=use.alternating or policy.alternating)
    run = _scrubbed if policy.kind == "scrub" else _refreshed
    return run(technology, use, setting, count, lots, seed)


def check_policy(use: Segment, policy: Policy, setting: Setting) -> int:
    """Return the number of intervals of a mission, or refuse its maintenance.

    Raises
    ------
    InputError
        An interval shorter than maintenance takes; a profile before a mission that is maintained.
    """
    if policy.kind == "none":
        return 1
    takes = setting.macro.words * policy.write_time
    if policy.interval < takes:
        raise InputError(
            f"interval: got {duration(policy.interval)}, but a write of all "
            f"{setting.macro.words} words takes {duration(takes)}"
        )
    if setting.profile.segments:
        raise InputError(f"{policy.kind}: got a profile before the mission, allowed without "
                         "maintenance")  # fmt: skip
    return max(math.ceil(use.time / policy.interval - 1e-9), 1)


def maintenance_cost(
    use: Segment, policy: Policy, setting: Setting, rewrites: float
) -> dict[str, tuple[float, str]]:
    """Return what reads and maintenance of a mission cost, each with its unit.

    Parameters
    ----------
    use, policy, setting
        As for `mission_failures`.
    rewrites : float
        Of a cell.

    Returns
    -------
    dict
        ``energy`` (J over the mission: its reads, rewrites, and the reads of a scrub), ``busy``
        (fraction of the time that maintenance takes).
    """
    macro, intervals = setting.macro, check_policy(use, policy, setting)
    each = use.reads + intervals * (policy.kind == "scrub")
    takes = (intervals if policy.kind != "none" else 0) * macro.words * policy.write_time
    energy = macro.cells * (rewrites * policy.write_energy + each * policy.read_energy)
    return {"energy": (energy, "J"), "busy": (takes / max(use.time, 1e-300), "1")}


def budget_exceeded_after(use: Segment, budget: float, cycles: float, rewrites: float) -> float:
    """Return the time (s) after which rewrites exceed an endurance budget; inf where they do not.

    Parameters
    ----------
    use : Segment
    budget : float
        Write cycles that a cell may receive.
    cycles : float
        Those before the mission.
    rewrites : float
        Of a cell, evenly over the mission.

    Raises
    ------
    InputError
        A budget below 0.

    Examples
    --------
    >>> budget_exceeded_after(Segment("10 years"), 1000, 0, 4000) / 31_557_600
    2.5
    """
    if not budget >= 0:
        raise InputError(f"endurance_budget: got {budget:g}, allowed 0 or more")
    left = budget - cycles
    if left < 0:
        return 0.0
    return math.inf if rewrites <= left else use.time * left / rewrites


def maintained_failures(
    technology: Technology, use: Segment, policy: Policy, setting: Setting, *,
    endurance_budget: float = math.inf, lots: int = 10, seed: int = 0,
) -> xr.Dataset:  # fmt: skip
    """Return the failing macros of a mission with maintenance, and what it costs.

    Parameters
    ----------
    technology, use, policy, setting
        As for `mission_failures`.
    endurance_budget : float
        Write cycles that a cell may receive, those before the mission included.
    lots, seed : int

    Returns
    -------
    Dataset
        ``failing_ppm``, ``energy`` and ``busy`` (`maintenance_cost`), and ``rewrites`` (of a cell,
        mean); ``attrs["budget_exceeded_after"]`` (s) where the policy itself exceeds the budget,
        which is also in ``attrs["warnings"]`` with the year.

    Raises
    ------
    InputError
        An interval shorter than maintenance takes.
    """
    found = mission_failures(technology, use, policy, setting, range(lots), seed)
    values = {
        "failing_ppm": (1e6 * float(found.failing.mean()), "1e-6"),
        **maintenance_cost(use, policy, setting, found.rewrites),
        "rewrites": (found.rewrites, "1"),
    }
    out = xr.Dataset({k: ((), float(v), {"units": unit}) for k, (v, unit) in values.items()})
    out.attrs = {"kind": policy.kind, "interval": policy.interval, "warnings": []}
    after = budget_exceeded_after(use, endurance_budget, setting.cycles, found.rewrites)
    if after < math.inf:
        out.attrs["budget_exceeded_after"] = after
        out.attrs["warnings"] = [budget_warning(endurance_budget, after, setting.cycles)]
    return out


def budget_warning(budget: float, after: float, cycles: float = 0.0) -> str:
    """Say in which year maintenance exceeds an endurance budget, or that earlier cycles do.

    >>> budget_warning(1e3, 7.9e7)
    'maintenance exceeds the endurance budget of 1000 cycles in year 3'
    """
    if cycles > budget:
        return (
            f"the {cycles:g} write cycles before the mission exceed the endurance budget of "
            f"{budget:g} cycles"
        )
    return (
        f"maintenance exceeds the endurance budget of {budget:g} cycles in year "
        f"{math.floor(after / 31_557_600) + 1}"
    )


def _refreshed(
    technology: Technology, use: Segment, setting: Setting, count: int, lots: range, seed: int
) -> Maintained:
    """Failing macros where every cell begins anew after each interval."""
    profile = setting.profile + MissionProfile([_part(use, use.time / count)])
    moments = np.unique(np.round(np.linspace(0, count - 1, min(count, _MOMENTS))))
    logs, kept = [], []
    for done in moments:
        here = replace(setting, profile=profile, cycles=setting.cycles + float(done))
        found = Dies(technology, here).of_lots(lots, seed)
        kept.append(1 - found.rejected)  # spares are enough for the words that have failed
        logs.append(_log_survival(found.macro / np.maximum(kept[-1], 1e-300)))
    enough = np.minimum(kept[-1] / np.maximum(kept[0], 1e-300), 1.0)
    # ln of survival of one interval, over all intervals; dies keep their own
    if len(moments) == 1:
        survival = logs[0] * count
    else:
        mean = np.asarray(scipy.integrate.trapezoid(np.stack(logs), moments, axis=0)) / (count - 1)
        survival = mean * count
    uber = found.word_per_read.mean(axis=1) / setting.macro.code.data_bits
    failing = -np.expm1(survival + np.log(np.maximum(enough, 1e-300)))
    return Maintained(failing, kept[0], uber, float(count - 1))


def _scrubbed(
    technology: Technology, use: Segment, setting: Setting, count: int, lots: range, seed: int
) -> Maintained:
    """The same, where only words with a corrected error are rewritten."""
    macro = setting.macro
    code, bits = macro.code, macro.code.bits * macro.cells_per_bit
    at = np.unique(np.round(np.geomspace(1, count, min(count, 12))))
    first = Dies(technology, replace(setting, profile=MissionProfile([]))).of_lots(lots, seed)
    stuck = np.zeros_like(first.classes)
    stuck[..., -1] = first.permanent
    wrong = [stuck]
    for k in at:
        here = replace(setting, profile=MissionProfile([_part(use, k * use.time / count)]))
        wrong.append(Dies(technology, here).of_lots(lots, seed).classes)
    reads = max(use.reads / count, 1.0)

    def words(classes: Floats, over: float) -> Floats:
        return failure_of_weak_cells(
            classes, first.rates, over, bits=code.bits, corrects=code.corrects
        )

    steps = np.diff(np.concatenate([[0.0], at]))
    from_start = words(stuck, 1.0)
    log_survival, rewritten = np.zeros_like(from_start), 0.0
    for before, after, n in zip(wrong[:-1], wrong[1:], steps, strict=True):
        gained = np.clip((after - before) / n, 0.0, 1.0)  # misread anew, of one interval
        both = stuck + gained
        both /= np.maximum(both.sum(axis=-1, keepdims=True), 1.0)
        each = np.asarray(
            block_failure(np.clip(words(both, reads) - from_start, 0.0, 1.0), macro.words)
        )
        log_survival += n * _log_survival(each)
        seen = np.minimum(gained @ first.rates, 0.5)
        rewritten += float(n * -np.expm1(bits * np.log1p(-seen)).mean())
    log_survival += _log_survival(np.asarray(block_failure(from_start, macro.words)))
    uber = words(both, 1.0).mean(axis=1) / code.data_bits
    return Maintained(-np.expm1(log_survival), 1 - first.rejected, uber, rewritten)


def _log_survival(failing: Floats) -> Floats:
    return np.asarray(np.log1p(-np.minimum(failing, 1 - 1e-16)))


def _part(use: Segment, time: float) -> Segment:
    reads = use.reads * time / use.time if use.time else 0.0
    return Segment(time, use.temperature, reads, use.read_voltage, use.alternating)


def cheapest_policy(
    technology: Technology, use: Segment, policies: Sequence[Policy], setting: Setting, *,
    limit_ppm: float, endurance_budget: float = math.inf, lots: int = 10, seed: int = 0,
) -> tuple[Policy | None, list[xr.Dataset]]:  # fmt: skip
    """Return the policy of the least energy that keeps a limit, and the answer of each policy.

    Parameters
    ----------
    technology, use, setting, endurance_budget, lots, seed
        As for `maintained_failures`.
    policies : sequence of Policy
    limit_ppm : float
        Failing macros allowed over the mission.

    Returns
    -------
    policy : Policy or None
        None where none keeps the limit within the budget.
    answers : list of Dataset
    """
    answers = [
        maintained_failures(
            technology, use, policy, setting, endurance_budget=endurance_budget, lots=lots,
            seed=seed,
        )
        for policy in policies
    ]  # fmt: skip
    kept = [
        (float(found["energy"]), k)
        for k, found in enumerate(answers)
        if float(found["failing_ppm"]) <= limit_ppm and not found.attrs["warnings"]
    ]
    return (policies[min(kept)[1]] if kept else None), answers


def time_to_limit(
    technology: Technology, use: Segment, setting: Setting, limit_ppm: float, *, lots: int = 10,
    seed: int = 0,
) -> float:  # fmt: skip
    """Return the time, s, after which macros without maintenance exceed a limit; inf for never.

    Within the mission ``use``, to about a tenth.

    Parameters
    ----------
    technology, use, setting, lots, seed
        As for `maintained_failures`.
    limit_ppm : float
    """

    def ppm(time: float) -> float:
        here = replace(setting, profile=MissionProfile([_part(use, time)]))
        return 1e6 * float(Dies(technology, here).of_lots(range(lots), seed).macro.mean())

    if ppm(use.time) <= limit_ppm:
        return math.inf
    low, high = min(1.0, use.time / 2), use.time
    if ppm(low) > limit_ppm:
        return 0.0
    while high / low > 1.1:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if ppm(middle) > limit_ppm else (middle, high)
    return low
