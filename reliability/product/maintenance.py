"""Maintenance of a macro: rewriting cells before too many of them are lost, and what it costs.

- ``refresh``: every cell is rewritten after each interval;
- ``scrub``: every word is read and corrected after each interval, and words with a corrected error
  are rewritten (all their cells), words beyond correction are lost;
- ``none``.

Between two maintenance times cells age from their last write. Refreshed cells begin anew each time,
so that the macro survives the mission if no interval fails: 1 - (1 - P)^intervals. Each rewrite is
a write cycle of the card's wear: the intervals are computed at the wear of four moments of the
mission and interpolated in between. Scrubbing rewrites only words that had an error; all others
stay on the path that they began, so its failures are those of words that gain more than the code
corrects within one interval, summed over the mission:

    P(word) = sum over intervals of P(> t wrong at the end | at most t wrong before)

with the errors of an interval the difference of the cells misread at its two ends. Cells that are
wrong for good (stuck) stay wrong. The cheapest policy that keeps a limit has the least energy.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import xarray as xr

from reliability.errors import InputError, unknown_name
from reliability.mission import MissionProfile, Segment
from reliability.product.error_correction import block_failure, uncorrectable_probability
from reliability.product.macro import Dies, Setting
from reliability.technology import Technology
from reliability.units import duration, quantity

Kind = Literal["none", "refresh", "scrub"]
KINDS = ("none", "refresh", "scrub")
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

    def __init__(
        self, kind: Kind, interval: float | str = math.inf, write_time: float | str = 1e-6,
        write_energy: float | str = 2e-10, read_energy: float | str = 1e-12,
    ) -> None:  # fmt: skip
        if kind not in KINDS:
            raise unknown_name("kind of maintenance", str(kind), KINDS)
        put = object.__setattr__
        put(self, "kind", kind)
        put(self, "interval", math.inf)
        if kind != "none":
            put(self, "interval", quantity(interval, "s", "interval", low=1e-9))
        put(self, "write_time", quantity(write_time, "s", "write_time", low=0.0))
        put(self, "write_energy", quantity(write_energy, "J", "write_energy", low=0.0))
        put(self, "read_energy", quantity(read_energy, "J", "read_energy", low=0.0))


def maintained_failures(
    technology: Technology, use: Segment, policy: Policy, setting: Setting, *,
    endurance_budget: float = math.inf, lots: int = 10, seed: int = 0,
) -> xr.Dataset:  # fmt: skip
    """Return the failing macros of a mission with maintenance, and what it costs.

    Parameters
    ----------
    technology : Technology
    use : Segment
        The mission at one condition; its reads are spread evenly.
    policy : Policy
    setting : Setting
        Of `macro_failures`; its profile is not used.
    endurance_budget : float
        Write cycles that a cell may receive, those before the mission included.
    lots, seed : int

    Returns
    -------
    Dataset
        ``failing_ppm``, ``energy`` (J over the mission), ``busy`` (fraction of the time), and
        ``rewrites`` (of a cell, mean); ``attrs["budget_exceeded_after"]`` (s) where the policy
        itself exceeds the budget, which is also in ``attrs["warnings"]`` with the year.

    Raises
    ------
    InputError
        An interval shorter than maintenance takes.
    """
    macro = setting.macro
    takes = macro.words * policy.write_time
    if policy.kind != "none" and policy.interval < takes:
        raise InputError(
            f"interval: got {duration(policy.interval)}, but a write of all "
            f"{macro.words} words takes {duration(takes)}"
        )
    count = 1 if policy.kind == "none" else max(math.ceil(use.time / policy.interval - 1e-9), 1)
    run = _scrubbed if policy.kind == "scrub" else _refreshed
    failing, rewritten = run(technology, use, policy, setting, count, lots, seed)
    cells, intervals = macro.words * macro.code.bits, count if policy.kind != "none" else 0
    reads = intervals * cells * policy.read_energy * (policy.kind == "scrub")
    values = {
        "failing_ppm": (1e6 * failing, "1e-6"),
        "energy": (rewritten * cells * policy.write_energy + reads, "J"),
        "busy": (intervals * takes / max(use.time, 1e-300), "1"),
        "rewrites": (rewritten, "1"),
    }
    out = xr.Dataset({k: ((), float(v), {"units": unit}) for k, (v, unit) in values.items()})
    out.attrs = {"kind": policy.kind, "interval": policy.interval, "warnings": []}
    left = endurance_budget - setting.cycles
    if rewritten > left:
        after = use.time * max(left, 0.0) / rewritten
        out.attrs["budget_exceeded_after"] = after
        out.attrs["warnings"] = [
            f"maintenance exceeds the endurance budget of {endurance_budget:g} cycles in year "
            f"{math.floor(after / 31_557_600) + 1}"
        ]
    return out


def _refreshed(
    technology: Technology, use: Segment, policy: Policy, setting: Setting, count: int, lots: int,
    seed: int,
) -> tuple[float, float]:  # fmt: skip
    """Fraction of failing macros, and rewrites of a cell, where every cell begins anew."""
    span = use.time / count
    profile = MissionProfile([_part(use, span)])
    moments = np.unique(np.round(np.linspace(0, count - 1, min(count, _MOMENTS))))
    logs = []
    for done in moments:
        here = replace(setting, profile=profile, cycles=setting.cycles + float(done))
        macro = Dies(technology, here).of_lots(range(lots), seed).macro
        logs.append(np.log1p(-np.minimum(macro, 1 - 1e-16)))
    # ln of survival of one interval, over all intervals; dies keep their own
    if len(moments) == 1:
        survival = logs[0] * count
    else:
        survival = np.trapezoid(np.stack(logs), moments, axis=0) * count / (count - 1)
    failing = float(-np.expm1(survival).mean())
    return failing, float(count - 1)


def _scrubbed(
    technology: Technology, use: Segment, policy: Policy, setting: Setting, count: int, lots: int,
    seed: int,
) -> tuple[float, float]:  # fmt: skip
    """The same, where only words with a corrected error are rewritten."""
    code = setting.macro.code
    at = np.unique(np.round(np.geomspace(1, count, min(count, 12))))
    wrong = [np.zeros(1)]
    for k in at:
        here = replace(setting, profile=MissionProfile([_part(use, k * use.time / count)]))
        found = Dies(technology, here).of_lots(range(lots), seed)
        wrong.append(found.permanent + found.transient)
    fresh = replace(setting, profile=MissionProfile([]))
    first = Dies(technology, fresh).of_lots(range(lots), seed)
    stuck = first.permanent
    wrong[0] = stuck
    steps = np.diff(np.concatenate([[0.0], at]))
    log_survival, rewritten = np.zeros_like(stuck), 0.0
    for before, after, n in zip(wrong[:-1], wrong[1:], steps, strict=True):
        gained = np.clip((after - before) / n, 0.0, 1.0)  # misread anew, of one interval
        both = np.clip(stuck + gained, 0.0, 1.0)
        ends, starts = (
            np.asarray(uncorrectable_probability(p, bits=code.bits, corrects=code.corrects))
            for p in (both, stuck)
        )
        word = np.clip(ends - starts, 0.0, 1.0)
        each = np.asarray(block_failure(word, setting.macro.words))
        log_survival += n * np.log1p(-np.minimum(each, 1 - 1e-16))
        rewritten += float(n * -np.expm1(code.bits * np.log1p(-np.minimum(gained, 0.5))).mean())
    bad = np.asarray(uncorrectable_probability(stuck, bits=code.bits, corrects=code.corrects))
    from_start = np.asarray(block_failure(bad, setting.macro.words))
    log_survival += np.log1p(-np.minimum(from_start, 1 - 1e-16))
    return float(-np.expm1(log_survival).mean()), rewritten


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
