"""Requirements of the qualification standards, checked against the tests of a plan.

Facts of `data/standards/jedec_nvm.toml`, each with its source; the standards themselves decide.
Rows of AEC-Q100 apply where the product states its grade. A row is met only if the tests of its
name reached its conditions, lots, devices and accept number.
"""

from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError, unknown_name
from reliability.lifetime.next_lot import next_lot_bound
from reliability.mission import jedec_requirements
from reliability.product.plan_tables import SampleTable
from reliability.product.qualification_plan import LifeTest, Plan
from reliability.units import engineering, grouped

_TOLERANCE = 0.5  # K; a chamber at its set point counts
_ROOM = (288.15, 308.15)  # K, of the half of the devices that is cycled at 25 degC
_WARM = (328.15, 358.15)  # K, of the other half
_ALIKE = 0.74  # of `difflib`, from which a name is taken for a mistyped one: two letters of four
_OTHER_TESTS = ("ESD", "LTSL")  # of JESD47, without a row here, whose names are that close to one


@dataclass(frozen=True)
class Row:
    """A requirement and whether the plan meets it.

    Attributes
    ----------
    name, standard, purpose, required, done, reason, source : str
    met : bool or None
        None where the test is missing, or what the standard requires could not be confirmed.
    applies : bool
        Whether the plan does not call it not applicable.
    """

    name: str
    standard: str
    purpose: str
    required: str
    done: str
    met: bool | None
    reason: str
    source: str
    applies: bool = True


def check_requirements(plan: Plan) -> list[Row]:
    """Return a row for each requirement.

    Raises
    ------
    InputError
        A sample or an exemption stated for a requirement that does not exist, an exemption from
        one that has a test, the name of a test that is nearly one of the standards, a test or a
        sample of AEC-Q100 for a product without a grade.
    """
    known = {row["name"]: row for row in jedec_requirements()}
    _check_names(plan)
    exempt = plan.table.not_applicable
    for key, names in (("samples", plan.table.samples), ("not_applicable", exempt)):
        for name in names:
            if name not in known:
                raise unknown_name(f"requirement in {key}", name, known)
    if plan.table.product.grade is None:
        _check_no_grade(plan, known)
    for name in exempt:
        if plan.named(name):
            raise InputError(f"not_applicable: {name}: got a test of this name in the plan")
    return [
        replace(row, reason=f"not applicable: {exempt[row.name]}", applies=False)
        if row.name in exempt
        else row
        for row in (_row(facts, plan) for facts in jedec_requirements())
    ]


def tests_of_requirements() -> tuple[str, ...]:
    """Return the names of the tests that requirements ask for."""
    return tuple(dict.fromkeys(row.get("test", row["name"]) for row in jedec_requirements()))


def _check_names(plan: Plan) -> None:
    """Refuse a name that is nearly one of the standards, unless the test states its mechanism."""
    known = {name.lower(): name for name in tests_of_requirements()}
    for test in (test.table for test in plan.tests):
        if test.name in (*known.values(), *_OTHER_TESTS) or test.mechanism:
            continue
        if near := get_close_matches(test.name.lower(), known, 1, _ALIKE):
            raise InputError(
                f"{plan.path}: test {test.name}: not a test of the standards, did you mean "
                f"{known[near[0]]!r}? A test of its own states its mechanism"
            )


def _check_no_grade(plan: Plan, known: dict[str, dict[str, Any]]) -> None:
    """Refuse tests and samples that only requirements with grades ask for."""
    graded = {name for name, row in known.items() if "grades" in row}
    others = {row.get("test", name) for name, row in known.items() if name not in graded}
    named = [("test", test.table.name) for test in plan.tests]
    alone = {known[name].get("test", name) for name in graded} - others
    for what, name in [*named, *(("samples", name) for name in plan.table.samples)]:
        if name in (alone if what == "test" else graded):
            raise InputError(
                f"{plan.path}: {what}: {name} is of AEC-Q100, but the product states no grade"
            )


def _row(facts: dict[str, Any], plan: Plan) -> Row:
    if "grades" in facts:
        grade = plan.table.product.grade
        if grade is None:
            reason = "not applicable: the product states no grade of AEC-Q100"
            return replace(_made(facts, facts["words"], "no grade", None, reason), applies=False)
        options = facts["grades"].get(grade, [])
        facts = {**facts, "option": options, "pcm": [], "kind": "bake" if options else "open"}
    tests = plan.named(facts.get("test", facts["name"]))
    sample = _sample(facts, plan)
    accept = sample.accept if sample else facts.get("accept")
    parts = [facts["words"]]
    if sample:
        parts.append(f"{sample.lots} lot{'' if sample.lots == 1 else 's'} × {sample.devices}")
    if accept is not None:
        parts.append(f"accept {accept}")
    required = "; ".join(parts)
    done = "; ".join(map(_done, tests)) or "no test"
    kind = facts.get("kind", "bake")
    of_grade = f" for grade {plan.table.product.grade}" if facts.get("grades") else ""
    unconfirmed = (
        f"the conditions of {facts['standard']}{of_grade} could not be confirmed from public "
        "sources"
        if kind == "open"
        else ""
    )
    if not tests:
        missing = f"missing: no test {facts.get('test', facts['name'])} in the plan"
        reason = "; ".join(filter(None, (missing, unconfirmed)))
        return _made(facts, required, done, None, reason)
    lacking = _CHECKS[kind](facts, tests, plan)
    if sample:
        lacking += _sample_lacks(sample, tests)
    elif accept is not None and (failed := sum(t.failures for t in tests)) > accept:
        lacking.append(_too_many(failed, accept))
    if lacking:
        return _made(facts, required, done, False, "; ".join(lacking))
    open_points = [unconfirmed] if unconfirmed else []
    if "open" in facts:
        open_points.append(f"{facts['open']} of the standard could not be confirmed")
    if sample is None and kind != "uber":
        open_points.append(
            f"the sample of the standard could not be confirmed; state it as "
            f"[samples.{facts['name']!r}]"
        )
    if open_points:
        kept = "" if unconfirmed else "conditions kept, but "
        return _made(facts, required, done, None, kept + "; ".join(open_points))
    if kind == "uber":
        bound = f"bound {_uber_bound(tests, plan):.2g} for the next lot"
        return _made(facts, required, done, True, f"{bound}, claimed {plan.table.claim.uber:.2g}")
    return _made(facts, required, done, True, "conditions, sample and accept number kept")


def _made(facts: dict[str, Any], required: str, done: str, met: bool | None, reason: str) -> Row:
    own = {name: facts[name] for name in ("name", "standard", "purpose", "source")}
    return Row(**own, required=required, done=done, met=met, reason=reason)


def _sample(facts: dict[str, Any], plan: Plan) -> SampleTable | None:
    if facts["name"] in plan.table.samples:
        return plan.table.samples[facts["name"]]
    if "devices" not in facts:
        return None
    return SampleTable(lots=facts["lots"], devices=facts["devices"], accept=facts["accept"])


def _sample_lacks(sample: SampleTable, tests: list[LifeTest]) -> list[str]:
    """Lots with too few devices, too few lots, too many failures; devices of a lot add up."""
    count: dict[str, int] = {}
    for test in tests:
        for lot in test.lots:
            count[lot.name] = count.get(lot.name, 0) + lot.devices
    lacking = []
    if counted := sum(test.table.unit == "bits" for test in tests):
        which = "" if counted == len(tests) else f" in {counted} of {len(tests)} tests"
        lacking.append(f"counted in bits{which}, the standard counts devices")
    full = [name for name, devices in count.items() if devices >= sample.devices]
    if len(full) < sample.lots:
        each = ", ".join(f"{name}: {devices}" for name, devices in count.items())
        lacking.append(
            f"{len(full)} lot{'' if len(full) == 1 else 's'} of {sample.devices} or more devices "
            f"({each}), required {sample.lots}"
        )
    failed = sum(test.failures for test in tests)
    if failed > sample.accept:
        lacking.append(_too_many(failed, sample.accept))
    return lacking


def on_test(value: float, clock: str) -> str:
    """Print a time on test in hours, as the standards do, or a number of cycles or reads.

    >>> on_test(3.6e6, "time"), on_test(1e6, "reads")
    ('1000 h', '1 000 000 reads')
    """
    if clock == "time":
        return f"{value / 3600:.4g} h"
    return f"{grouped(value)} {clock}"


def _too_many(failed: int, accept: int) -> str:
    return f"{failed} failure{'' if failed == 1 else 's'}, accepted {accept}"


def _done(test: LifeTest) -> str:
    lots = ", ".join(f"{lot.failed} of {lot.devices} ({lot.name})" for lot in test.lots)
    table = test.table
    span = on_test(test.duration, test.clock)
    parts = [f"{span} at {engineering(test.temperature, 'K')}"]
    if table.cycles and table.cycling_temperature is not None:
        at = engineering(table.cycling_temperature, "K")
        parts.append(f"after {on_test(table.cycles, 'cycles')} at {at}")
    if table.reads:
        parts.append(on_test(table.reads, "reads"))
    for doing, kelvin in (("written", table.write_temperature), ("read", table.read_temperature)):
        if kelvin is not None:
            parts.append(f"{doing} at {engineering(kelvin, 'K')}")
    if test.bits_read:
        parts.append(
            f"{test.uncorrectable_errors} uncorrectable errors in {test.bits_read:.3g} bits"
        )
    return f"{', '.join(parts)}: failed {lots}"


def _bake(facts: dict[str, Any], tests: list[LifeTest], plan: Plan) -> list[str]:
    """A test of some time at some temperature, each of the tests of its name."""
    pcm = plan.table.product.is_pcm and facts["pcm"]
    options = facts["pcm"] if pcm else facts["option"]
    lacking = []
    for test in tests:
        if test.clock != "time":
            raise InputError(
                f"{plan.path}: test {facts['name']}: duration: got {test.clock}, expected a time"
            )
        reasons = [_option_lacks(option, test) for option in options]
        if all(reasons):
            lacking.append(", or ".join(" and ".join(each) for each in reasons))
        lacking += _preconditioning(facts, test, plan)
        if facts.get("reads") and not test.table.reads:
            lacking.append("no reads stated")
    return lacking


def _option_lacks(option: dict[str, float], test: LifeTest) -> list[str]:
    lacking = []
    if test.temperature < option.get("temperature", 0.0) - _TOLERANCE:
        lacking.append(
            f"{engineering(test.temperature, 'K')}, required "
            f"{engineering(option['temperature'], 'K')}"
        )
    if test.temperature > option.get("at_most", 1e9) + _TOLERANCE:
        lacking.append(
            f"{engineering(test.temperature, 'K')}, allowed up to "
            f"{engineering(option['at_most'], 'K')}"
        )
    if test.duration < option.get("duration", 0.0) * (1 - 1e-9):
        lacking.append(
            f"{on_test(test.duration, 'time')}, required {on_test(option['duration'], 'time')}"
        )
    point = option.get("read_point")
    if point and not any(abs(each - point) < 1e-6 * point for each in test.points):
        lacking.append(f"no read-out after {on_test(point, 'time')}")
    return lacking


def _preconditioning(facts: dict[str, Any], test: LifeTest, plan: Plan) -> list[str]:
    wanted, table = facts.get("cycled"), test.table
    if wanted is None:
        return []
    if not wanted:
        return (
            [f"{on_test(table.cycles, 'cycles')} before an uncycled test"] if table.cycles else []
        )
    specified = _specified_cycles(plan)
    lacking = []
    if table.cycles < max(specified, 1):
        lacking.append(
            f"{on_test(table.cycles, 'cycles')} before it, required "
            f"{on_test(max(specified, 1), 'cycles')}"
        )
    elif (table.cycling_temperature or 0.0) < facts["cycling_temperature"] - _TOLERANCE:
        at = engineering(table.cycling_temperature or 0.0, "K")
        lacking.append(f"cycled at {at}, required {engineering(facts['cycling_temperature'], 'K')}")
    return lacking


def _specified_cycles(plan: Plan) -> float:
    of_mission = sum(segment.cycles for segment in plan.table.claim.segment)
    return max(plan.table.product.cycles, of_mission)


def _cycling(facts: dict[str, Any], tests: list[LifeTest], plan: Plan) -> list[str]:
    """Cycling of half of the devices at room temperature and half of them warm."""
    lacking, specified = [], _specified_cycles(plan)
    if not specified:
        lacking.append("the product states no cycles")
    total = sum(test.devices for test in tests)
    for test in tests:
        if test.clock != "cycles":
            raise InputError(
                f"{plan.path}: test {facts['name']}: duration: got a {test.clock}, expected cycles"
            )
        if test.duration < specified:
            lacking.append(
                f"{on_test(test.duration, 'cycles')}, required {on_test(specified, 'cycles')}"
            )
    for name, (low, high) in (("25 °C", _ROOM), ("55 to 85 °C", _WARM)):
        here = sum(
            t.devices for t in tests if low - _TOLERANCE <= t.temperature <= high + _TOLERANCE
        )
        if 2 * here < total - len(tests):  # an odd number has no half
            lacking.append(f"{here} of {total} devices at {name}, required half")
    return lacking


def _reads(facts: dict[str, Any], tests: list[LifeTest], plan: Plan) -> list[str]:
    wanted = sum(segment.reads for segment in plan.table.claim.segment)
    if not wanted:
        return ["the mission states no reads"]
    most = min(t.duration if t.clock == "reads" else t.table.reads for t in tests)
    hot = max(s.temperature for s in plan.table.claim.segment if s.reads)
    lacking = (
        [f"{on_test(most, 'reads')}, required {on_test(wanted, 'reads')}"] if most < wanted else []
    )
    coldest = min(test.temperature for test in tests)
    if coldest < hot - _TOLERANCE:
        lacking.append(
            f"{engineering(coldest, 'K')}, the mission is read at {engineering(hot, 'K')}"
        )
    return lacking


def _cross(facts: dict[str, Any], tests: list[LifeTest], plan: Plan) -> list[str]:
    ends = plan.table.product.temperature
    if ends is None:
        return ["the product states no temperature range"]
    low, high = min(ends), max(ends)
    lacking = []
    for name, write, read in (("cold, read hot", low, high), ("hot, read cold", high, low)):
        done = any(
            _beyond(t.table.write_temperature, write, low)
            and _beyond(t.table.read_temperature, read, low)
            for t in tests
        )
        if not done:
            lacking.append(
                f"not written at {engineering(write, 'K')} and read at {engineering(read, 'K')} "
                f"(written {name})"
            )
    return lacking


def _beyond(given: float | None, end: float, low: float) -> bool:
    """Whether a temperature reaches an end of the range."""
    if given is None:
        return False
    return given <= end + _TOLERANCE if end == low else given >= end - _TOLERANCE


def _uber(facts: dict[str, Any], tests: list[LifeTest], plan: Plan) -> list[str]:
    claim = plan.table.claim
    if claim.uber is None:
        return ["the claim states no uber"]
    bits, errors = _bits_of_lots(tests)
    if not bits.sum():
        return ["bits_read is missing"]
    if any(test.table.correction != "after" for test in tests):
        return ["errors counted before correction"]
    bound = _uber_bound(tests, plan)
    if bound > claim.uber:
        lots = f" of {bits.size} lots" if bits.size > 1 else ""
        return [
            f"{errors.sum():g} errors in {bits.sum():.3g} bits{lots}: bound {bound:.2g} for the "
            f"next lot, claimed {claim.uber:.2g}"
        ]
    return []


def _uber_bound(tests: list[LifeTest], plan: Plan) -> float:
    bits, errors = _bits_of_lots(tests)
    return next_lot_bound(errors, bits, plan.table.claim.confidence)  # so many bits: Poisson


def _bits_of_lots(tests: list[LifeTest]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bits read and errors of each lot.

    What a test counts in all is shared by its lots as their devices; its errors are those of one
    lot, the least favourable way.
    """
    found: dict[str, list[float]] = {}
    for test in tests:
        smallest = min(test.lots, key=lambda lot: lot.devices)
        for lot in test.lots:
            own = found.setdefault(lot.name, [0.0, 0.0])
            own[0] += lot.bits_read or test.table.bits_read * lot.devices / test.devices
            own[1] += lot.uncorrectable_errors
            own[1] += test.table.uncorrectable_errors if lot is smallest else 0
    bits, errors = np.array(list(found.values())).T
    return bits[bits > 0], errors[bits > 0]


def _open(facts: dict[str, Any], tests: list[LifeTest], plan: Plan) -> list[str]:
    return []


_CHECKS = {
    "bake": _bake, "cycling": _cycling, "reads": _reads, "cross": _cross, "uber": _uber,
    "open": _open,
}  # fmt: skip
