"""Failing macros: from a card and a mission to words that the code no longer corrects.

A macro is a die of a wafer of a lot. Its cells share the deviations of their lot, wafer and die, so
that macros differ and the tail of the macros decides: the failure probability is averaged over
dies, not the bit-error rate. Given its die,

1. `reliability.product.cell_errors` gives the cells that are misread, by the fraction of reads in
   which they are; defective and hard-failed cells come on top, misread in every read;
2. `failure_of_weak_cells` gives the words of random data that fail in at least one read of the
   mission, the errors of the end of the mission being taken for all reads (pessimistic);
3. words fail independently: 1 - (1 - P_word)^words.

Where several cells hold a bit, the bit counts as misread in more than a fraction r of its reads
where the majority of its cells are; where one cell is always wrong this is low by a factor of up to
two at equal r.

The uncorrectable bit-error rate counts one uncorrected word as one data error [1]_ [2]_: failing
words per read over the data bits of a word.

The expected fraction of failing macros is an average over lots, each with 256 quasi-random dies;
its interval holds what lots and the card's uncertainty (draws of all its parameters, each with lots
of its own) move it by: it is the interval of the next lot.

.. [1] N. Mielke et al., "Bit error rate in NAND flash memories", IEEE IRPS 2008,
   doi:10.1109/RELPHY.2008.4558857: uncorrectable bit-error rate after error correction.
.. [2] JEDEC JESD218, "Solid-State Drive (SSD) Requirements and Endurance Test Method": data errors
   per bits read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypedDict, Unpack

import numpy as np
import scipy
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtri

from reliability.devices import endurance, programming
from reliability.devices.programming import Programming
from reliability.devices.verify import Verify
from reliability.errors import InputError, expect, fraction, unknown_name, whole_number
from reliability.mission import MissionProfile
from reliability.network.analysis.phenomena import phenomena_of, without
from reliability.population import best_reference, programming_window, radial_positions
from reliability.population.ageing import out_of_range
from reliability.population.programmed import fixed_deviations, hierarchy
from reliability.product.cell_errors import (
    CellErrors,
    Condition,
    cell_errors,
    class_probabilities,
    class_rates,
)
from reliability.product.error_correction import (
    Code,
    block_failure,
    failure_of_weak_cells,
    spared_failure,
    uncorrectable_probability,
)
from reliability.product.redundancy import majority_error_rate
from reliability.statistics.means import member_of_a_draw
from reliability.technology import STATES, Technology, expect_technology
from reliability.units import quantity
from reliability.version import __version__

Floats = NDArray[np.float64]
_DIES = 256  # quasi-random dies of a lot
_PER_FIT = 1e9 * 3600.0  # device seconds of one failure at 1 FIT
_LEVELS = ("lot", "wafer", "die")
WEAR = "wear"  # what write cycles before the mission do, beside the phenomena of the card


@dataclass(frozen=True)
class Macro:
    """What a macro stores and how.

    Parameters
    ----------
    bits : int
        Data bits.
    code : Code
        Of each word.
    spare_words : int
        Words that replace those that fail in the test before shipment.
    cells_per_bit : int
        Odd; the majority of their reads decides (`majority_error_rate`).

    Raises
    ------
    InputError
        Words that do not fill the macro, an even number of cells for a bit.
    """

    bits: int
    code: Code
    spare_words: int = 0
    cells_per_bit: int = 1

    def __post_init__(self) -> None:
        whole_number(self.bits, "bits", low=1)
        whole_number(self.spare_words, "spare_words")
        if whole_number(self.cells_per_bit, "cells_per_bit", low=1) % 2 == 0:
            raise InputError(f"cells_per_bit: got {self.cells_per_bit}, allowed odd numbers")
        if self.bits % self.code.data_bits:
            raise InputError(
                f"code: got words of {self.code.data_bits} data bits, which do not divide a macro "
                f"of {self.bits} bits"
            )

    @property
    def words(self) -> int:
        """Words of the macro, spare ones not counted."""
        return self.bits // self.code.data_bits

    @property
    def cells(self) -> int:
        """Cells of the macro, check bits and spare words included."""
        return (self.words + self.spare_words) * self.code.bits * self.cells_per_bit


class Failures(NamedTuple):
    """Failures of macros of given dies, each an array of their shape.

    Attributes
    ----------
    macro : ndarray
        Probability of at least one uncorrected word in any read.
    word, word_per_read : ndarray
        Of a word, in any read and in one.
    permanent, transient : ndarray
        Bit-error rate of cells that are misread in at least half of their reads, and of one read
        of all others.
    rejected : ndarray
        Probability that the test before shipment rejects the macro.
    classes : ndarray, one more dimension
        Probability of a bit to be misread in each class of fractions of its reads.
    rates : ndarray, shape (classes,)
        Those fractions.
    """

    macro: Floats
    word: Floats
    word_per_read: Floats
    permanent: Floats
    transient: Floats
    rejected: Floats
    classes: Floats
    rates: Floats


class Conditions(TypedDict, total=False):
    """How macros are written and read, as `macro_failures` takes it."""

    cycles: float
    cycling_temperature: float | str
    verify: Verify | None
    reference: float | str | None
    noise: bool
    spare_words: int
    cells_per_bit: int
    attribution: bool


def macro_failures(
    technology: Technology,
    profile: MissionProfile,
    *,
    bits: int = 2**20,
    code: Code | tuple[int, int, int] = (72, 64, 1),
    chips: int = 1000,
    lots: int = 20,
    draws: int = 24,
    confidence: float = 0.9,
    seed: int = 0,
    **conditions: Unpack[Conditions],
) -> xr.Dataset:
    """Return the failing macros of a technology under a mission profile.

    Parameters
    ----------
    technology : Technology
        With LRS and HRS.
    profile : MissionProfile
        From the last write on. Each of its reads reads every word; without reads each word is read
        once, at the end.
    bits : int
        Data bits of a macro; half of the stored ones are LRS.
    code : Code or (bits, data_bits, corrects)
    chips : int
        Macros whose own failure probability is given, spread over the lots, one to a die.
    lots : int
        Lots of the average and the interval.
    draws : int
        Cards with all parameters drawn from their uncertainty; 0 leaves it out of the interval.
    confidence : float
        Of the intervals, two-sided.
    seed : int
    cycles : float
        Write cycles of every cell before the last write; none by default.
    cycling_temperature : float or str
        During them, K; 25 degC by default.
    verify : Verify, optional
        Program with verify instead of by one pulse.
    reference : float or str, optional
        Reading reference, S; by default the one that misreads fresh cells least.
    noise : bool
        Whether reads have the card's noise; true by default.
    spare_words : int
        Words that replace those that fail when the fresh macro is tested by one read; a macro with
        more is rejected and does not count as shipped.
    cells_per_bit : int
        Odd; the majority of their reads decides. By default 1.
    attribution : bool
        Also without each phenomenon; true by default.

    Returns
    -------
    Dataset
        ``failing_ppm`` of shipped macros with its interval ``low`` and ``high``, and the parts of
        it from lots and from parameters alone (``lot_low`` ...); ``fit`` (failures in 1e9 hours,
        mean over the mission), ``uber``, ``word_failure`` and ``word_failure_per_read``,
        ``permanent_error_rate`` and ``transient_error_rate`` (mean over dies), ``rejected``
        (fraction of macros); ``chip_failure_probability`` (chip) with coordinates ``lot``,
        ``wafer``, ``die``; ``failing_ppm_without`` and ``word_failure_without`` (phenomenon), and
        the attribute ``limited_by``, the phenomenon without which the fewest words fail.

    Raises
    ------
    InputError
        A size, code or condition that cannot be; a card of levels.

    Notes
    -----
    Conditions outside a model's valid range are in ``attrs["warnings"]``.

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("oxram-130nm").with_values({"programming.HRS.sigma_cell": 0.1,
    ...     "programming.HRS.sigma_cycle": 0.1, "defects.unformed": 0.0,
    ...     "defects.stuck_lrs": 0.0, "defects.stuck_hrs": 0.0})
    >>> day = rel.MissionProfile.constant("1 day", "25 degC")
    >>> found = macro_failures(tech, day, draws=0, chips=20, lots=2, attribution=False, seed=7)
    >>> bool(found["low"] <= found["failing_ppm"] <= found["high"])
    True
    """
    expect_technology(technology)
    expect(profile, MissionProfile, "profile", "a MissionProfile, as MissionProfile.constant gives")
    for name, count, low in (("chips", chips, 1), ("lots", lots, 1), ("draws", draws, 0)):
        whole_number(count, name, low=low)
    fraction(confidence, "confidence")
    attribution = conditions.pop("attribution", True)
    expect(attribution, bool, "attribution", "True or False")
    if not technology.has_states:
        raise InputError(f"technology: {technology.name} has levels, expected LRS and HRS")
    if profile.cycles:
        raise InputError("profile: got cycles in the mission, allowed before it: cycles=")
    setting = Setting.of(profile, bits, as_code(code), **conditions)
    nominal = Dies(technology, setting)
    own = nominal.of_lots(range(lots), seed)
    drawn = np.empty((draws, lots))
    for k in range(draws):
        card, others = technology.drawn(seed, k), range(lots * (k + 1), lots * (k + 2))
        drawn[k] = shipped_ppm(Dies(card, setting).of_lots(others, seed), axis=1)
    out = _summary(own, drawn, setting, confidence)
    out.attrs = {
        "seed": int(seed), "technology": technology.name, "spec_hash": "",
        "technology_card": technology.to_json(), "reliability_version": __version__,
        "mission": str(profile), "confidence": confidence, "bits": setting.macro.bits,
        "code": [setting.macro.code.bits, setting.macro.code.data_bits,
                 setting.macro.code.corrects],
        "words": setting.macro.words, "draws": draws, "lots": lots, "cycles": setting.cycles,
        "reference": nominal.condition.reference,
        "warnings": out_of_range(technology, profile, set(STATES)),
    }  # fmt: skip
    out = out.merge(_chips(nominal, technology, chips, lots, seed), combine_attrs="no_conflicts")
    return _attribute(out, technology, setting, lots, seed) if attribution else out


def _summary(own: Failures, drawn: Floats, setting: "Setting", confidence: float) -> xr.Dataset:
    """Failing macros of the lots of the nominal card, and of drawn cards (draws, lots)."""
    ppm, value = shipped_ppm(own, axis=1)[:, None], float(shipped_ppm(own))
    sets = {
        "": drawn if drawn.size else ppm,
        "lot_": ppm,
        "parameter_": drawn.mean(axis=1)[:, None] if drawn.size else np.array([[value]]),
    }
    interval: dict[str, float] = {}
    for name, values in sets.items():
        low, high = member_of_a_draw(values, confidence)
        interval |= {f"{name}low": min(low, value), f"{name}high": max(high, value)}
    mean = Failures(*(np.asarray(part.mean()) for part in own))
    scalar = {
        "failing_ppm": (value, "1e-6", "failing macros"),
        **{
            name: (end, "1e-6", f"failing macros, {name.replace('_', ' ')} end")
            for name, end in interval.items()
        },
        "fit": (_fit(value, setting.profile), "1", "failures in 1e9 device hours"),
        "uber": (
            float(mean.word_per_read) / setting.macro.code.data_bits, "1",
            "uncorrectable bit-error rate",
        ),
        "word_failure": (float(mean.word), "1", "failing words over the mission"),
        "word_failure_per_read": (float(mean.word_per_read), "1", "failing words of one read"),
        "permanent_error_rate": (float(mean.permanent), "1", "bits wrong in most reads"),
        "transient_error_rate": (float(mean.transient), "1", "bits wrong in some reads"),
        "rejected": (float(mean.rejected), "1", "macros rejected before shipment"),
    }  # fmt: skip
    return xr.Dataset(
        {
            name: ((), number, {"units": unit, "long_name": text})
            for name, (number, unit, text) in scalar.items()
        }
    )


def as_code(code: Code | tuple[int, int, int]) -> Code:
    """Return a code given as its three numbers."""
    if isinstance(code, Code):
        return code
    if not isinstance(code, (tuple, list)) or len(code) != 3:
        raise InputError(f"code: got {code!r}, expected a Code or (bits, data_bits, corrects)")
    return Code(*code)


@dataclass(frozen=True)
class Setting:
    """What is the same for every card: macro, mission, writing and reading.

    Attributes
    ----------
    macro : Macro
    profile : MissionProfile
    verify : Verify or None
    reference : float or None
        S.
    cycles, cycling_temperature : float
        Before the last write; K.
    noise : bool
    """

    macro: Macro
    profile: MissionProfile
    verify: Verify | None = None
    reference: float | None = None
    cycles: float = 0.0
    cycling_temperature: float = 298.15
    noise: bool = True

    @classmethod
    def of(
        cls, profile: MissionProfile, bits: int, code: Code, **conditions: Unpack[Conditions]
    ) -> "Setting":
        """Check the conditions of `macro_failures`."""
        unknown = set(conditions) - set(Conditions.__annotations__)
        if unknown:
            raise unknown_name("condition", min(unknown), Conditions.__annotations__)
        verify, reference = conditions.get("verify"), conditions.get("reference")
        if verify is not None:
            expect(verify, Verify, "verify", "a Verify")
        temperature = conditions.get("cycling_temperature", 298.15)
        expect(conditions.get("noise", True), bool, "noise", "True or False")
        return cls(
            Macro(bits, code, conditions.get("spare_words", 0), conditions.get("cells_per_bit", 1)),
            profile,
            verify,
            None if reference is None else quantity(reference, "S", "reference", low=1e-15),
            quantity(conditions.get("cycles", 0.0), "", "cycles", low=0.0),
            quantity(temperature, "K", "cycling_temperature", low=1e-3, high=2000.0),
            conditions.get("noise", True),
        )


class Dies:
    """Macros of one card: their failures given what each die shares.

    Parameters
    ----------
    technology : Technology
    setting : Setting
    """

    def __init__(self, technology: Technology, setting: Setting) -> None:
        self.technology, self.setting = technology, setting
        self.endurance = None
        wear = 0.0
        if setting.cycles:
            self.endurance = endurance.Endurance.from_technology(technology)
            rate = endurance.acceleration(self.endurance, setting.cycling_temperature)
            wear = setting.cycles * float(rate)
        reference = setting.reference or _reference(technology, setting.verify)
        self.condition = Condition(setting.profile, reference, setting.verify, wear, setting.noise)
        self.errors = [cell_errors(technology, state, self.condition) for state in STATES]
        self.fresh = self.errors
        if setting.macro.spare_words:
            before = replace(self.condition, profile=MissionProfile([]), noise=False)
            self.fresh = [cell_errors(technology, state, before) for state in STATES]

    def of_lots(self, lots: range, seed: int) -> Failures:
        """Return the failures of quasi-random dies of each lot, shape (lots, dies)."""
        sites = radial_positions(self.technology)
        u = scipy.stats.qmc.Sobol(4, seed=0).random(_DIES).T
        site = sites[np.minimum((u[3] * sites.size).astype(int), sites.size - 1)]
        z = ndtri(np.clip(u[:3], 1e-12, 1 - 1e-12))
        address = np.array([[0, 0, 0, lot] for lot in lots])
        shared = []
        if (rho := programming.correlation(self.technology, "die")) != 0:
            z[1] = rho * z[0] + np.sqrt(1 - rho**2) * z[1]
        for k, (model, name) in enumerate(self._levels()):
            only_lot = replace(model, sigma_wafer=0.0, sigma_die=0.0)
            deviation = hierarchy(only_lot, name, address, seed)[:, None]
            deviation = deviation + z[k] * np.hypot(model.sigma_wafer, model.sigma_die)
            shared.append(deviation + getattr(model, "radial", 0.0) * site)
        return self.failures(*shared)

    def at(self, address: NDArray[np.integer], seed: int) -> Failures:
        """Return the failures of the dies of a population, addresses (chips, 4)."""
        cells = fixed_deviations(self._without_cells(), address, 1, seed)
        shared = [cells[:, 0, k] for k in (0, 1)]
        if self.endurance is not None:
            shared.append(hierarchy(self.endurance, "endurance", address, seed))
        return self.failures(*shared)

    def _without_cells(self) -> Technology:
        """Return the card whose cells have what their die shares and nothing else."""
        return self.technology.with_values({f"programming.{s}.sigma_cell": 0.0 for s in STATES})

    def _levels(self) -> Iterator[tuple[Any, str]]:
        for state in STATES:
            yield Programming.from_technology(self.technology, state), f"programming.{state}"
        if self.endurance is not None:
            yield self.endurance, "endurance"

    def failures(self, lrs: Floats, hrs: Floats, life: Floats | None = None) -> Failures:
        """Return the failures of dies with these shared deviations, each of shape (...)."""
        macro, reads = self.setting.macro, max(self.setting.profile.reads, 1.0)
        code = macro.code
        exceeded = self._exceeded(self.errors, lrs, hrs, life)
        levels = self.errors[0].levels
        classes, rate = class_probabilities(exceeded), class_rates(levels)
        word = failure_of_weak_cells(classes, rate, reads, bits=code.bits, corrects=code.corrects)
        per_read = np.asarray(
            uncorrectable_probability(
                np.clip(classes @ rate, 0.0, 1.0), bits=code.bits, corrects=code.corrects
            )
        )
        word = np.maximum(word, per_read)
        often = levels >= 0.5
        permanent = exceeded[..., np.argmax(often)]
        transient = np.maximum(classes @ rate - permanent, 0.0)
        rejected = np.zeros_like(word)
        if macro.spare_words:
            at_test = np.asarray(
                uncorrectable_probability(
                    self._exceeded(self.fresh, lrs, hrs, life)[..., -1],
                    bits=code.bits, corrects=code.corrects,
                )
            )  # fmt: skip
            rejected = np.asarray(
                spared_failure(at_test, parts=macro.words, spares=macro.spare_words)
            )
            word = np.maximum(word - at_test, 0.0) / (1 - np.minimum(at_test, 1 - 1e-12))
        fails = np.asarray(block_failure(word, macro.words)) * (1 - rejected)
        return Failures(fails, word, per_read, permanent, transient, rejected, classes, rate)

    def _exceeded(
        self, errors: list[CellErrors], lrs: Floats, hrs: Floats, life: Floats | None
    ) -> Floats:
        """Probability that a bit of random data is misread in more than each level of its reads."""
        bad = self._stuck(life)
        # a stuck cell is read as one state: wrong for half of the data, whichever it is
        wrong = [
            np.asarray(
                majority_error_rate(
                    np.clip((1 - bad) * each.at(shared) + bad / 2, 0.0, 1.0),
                    cells=self.setting.macro.cells_per_bit,
                )
            )
            for each, shared in zip(errors, (lrs, hrs), strict=True)
        ]
        return np.asarray((wrong[0] + wrong[1]) / 2)

    def _stuck(self, life: Floats | None) -> Floats | float:
        """Fraction of cells that hold no data: defective from the start, or failed for good."""
        names = ("stuck_lrs", "stuck_hrs", "unformed")
        defective = float(sum(self.technology.get(f"defects.{name}", 0.0) for name in names))
        if self.endurance is None or life is None:
            return defective
        relative = self.condition.wear * np.exp(-life)
        failed = endurance.probability_failed(self.endurance, relative)
        return np.asarray(defective + (1 - defective) * failed)[..., None]


def _reference(technology: Technology, verify: Verify | None) -> float:
    if verify is None:
        return best_reference(technology)
    return float(programming_window(technology, verify=verify)["reference"])


def shipped_ppm(found: Failures, axis: int | None = None) -> Floats:
    """Failing macros in ppm of those that the test before shipment accepts."""
    accepted = np.maximum(1 - found.rejected.mean(axis), 1e-300)
    return np.asarray(1e6 * np.minimum(found.macro.mean(axis) / accepted, 1.0))


def _fit(ppm: float, profile: MissionProfile) -> float:
    """Mean failure rate over the mission, in FIT; NaN of a mission without time."""
    if profile.duration == 0:
        return float("nan")
    with np.errstate(divide="ignore"):
        return float(-np.log1p(-min(ppm / 1e6, 1.0)) / profile.duration * _PER_FIT)


def _chips(nominal: Dies, technology: Technology, chips: int, lots: int, seed: int) -> xr.Dataset:
    """Failure probability of each of some macros, the dies of wafers of lots."""
    sites = radial_positions(technology).size
    chip = np.arange(chips)
    lot, place = chip % lots, chip // lots
    wafer, die = np.divmod(place, sites)
    found = nominal.at(np.column_stack([wafer, die, np.zeros_like(die), lot]), seed)
    values = {
        "chip_failure_probability": (found.macro, "probability that a macro fails"),
        "chip_error_rate": (found.permanent + found.transient, "bit-error rate of one read"),
    }
    return xr.Dataset(
        {name: ("chip", array, {"units": "1", "long_name": text})
         for name, (array, text) in values.items()},
        coords={"chip": chip, "lot": ("chip", lot), "wafer": ("chip", wafer),
                "die": ("chip", die)},
    )  # fmt: skip


def remedied(technology: Technology, setting: Setting) -> Iterator[tuple[str, Technology, Setting]]:
    """Yield the name of each phenomenon, and the card and setting without it.

    The read reference stays that of the whole card.
    """
    reference = setting.reference or _reference(technology, setting.verify)
    fixed = replace(setting, reference=reference)
    for name in phenomena_of(technology):
        if name not in ("neurons", "drift"):
            yield name, without(technology, [name]), fixed
    if setting.cycles:
        yield WEAR, technology, replace(fixed, cycles=0.0)


def _attribute(
    out: xr.Dataset, technology: Technology, setting: Setting, lots: int, seed: int
) -> xr.Dataset:
    """Add the failing macros without each phenomenon, and the one that limits most.

    The read reference stays that of the whole card.
    """
    fixed = replace(setting, reference=float(out.attrs["reference"]))
    cards = list(remedied(technology, fixed))
    found = [Dies(card, own).of_lots(range(lots), seed) for _, card, own in cards]
    without_each = {
        "failing_ppm": ([float(shipped_ppm(each)) for each in found], "1e-6", "failing macros"),
        "word_failure": ([float(each.word.mean()) for each in found], "1", "failing words"),
    }
    names = [name for name, *_ in cards]
    out = out.assign_coords(phenomenon=names).assign({
        f"{name}_without": ("phenomenon", np.array(values), {
            "units": unit, "long_name": f"{text} without a phenomenon"})
        for name, (values, unit, text) in without_each.items()
    })  # fmt: skip
    # words and not macros: where nearly all macros fail, no single remedy shows in them
    words = out["word_failure_without"].values
    helps = bool(words.size) and words.min() < 0.9 * float(out["word_failure"])
    out.attrs["limited_by"] = names[int(words.argmin())] if helps else "no single phenomenon"
    return out
