"""Programming of two states: the conductance that one SET or RESET pulse leaves behind.

A cell's deviation d is the sum of independent terms, from the lot down to the single programming
pulse, relative to the median resistance R:

    d = lot + wafer + radial ((r/r_wafer)^2 - 1/2) + die + cell + cycle
    cycle = sigma_cycle exp(tau z - tau^2) h(u)

with z and u standard normal, of the cell and of the pulse, and the sinh-arcsinh map h that gives
single pulses their skew and tails (`devices.shapes`; ``cycles.<state>.skew``, ``tail`` and
``sigma_spread`` of a card); all other terms are normal.

- ``normal_conductance`` (LRS):      G = (1 - d') / R, not below 0
- ``lognormal_resistance`` (HRS):    G = exp(-d') / R, that is ln R_cell = ln R + d'
- ``loglogistic_resistance``:        ln R_cell = ln R + s ln[p / (1 - p)], p = Phi(d' / sigma),
  s = sigma sqrt(3) / pi: the same median and sigma with heavier tails

d' is d, or with ``slope_low_3`` to ``slope_high_3`` on the card sigma T(d / sigma): a quantile
function whose slope is given at -3 to 3 sigma (`devices.shapes.bent`). It holds what one or two
parameters cannot: a SET that cannot get below the resistance in series, a RESET that always leaves
a minimum. Beyond the quantiles of ``smallest_probability``, the smallest that the data support, the
slope is that of 3 sigma times ``tail_scale``: 1, with its own uncertainty.

LRS read current is close to normal and HRS read current log-normal in HfO2 1T1R arrays [1]_; the
log-logistic distribution fits multilevel post-programming conductance of HfO2 best over six states
[2]_.
Read voltages up to 0.1 V. Without slopes and tails on the card, the body is described, not the
tails.

The median and the spread follow the programming conditions (`set_conditions`):

    R_LRS ~ I_c^-a w^-b,   sigma_LRS ~ I_c^-p,   R_HRS ~ (V_reset - V_T)^n w^c

with the compliance current I_c, the RESET stop voltage V_reset and the pulse width w. a = 1 says
that the SET ends at a constant voltage V_c = R I_c, 0.4 to 0.7 V in oxides after
[3]_ (not confirmed in its text). The RESET model in
the overdrive V_reset - V_T is what a 1T1R array shows over 0.5 V (see `devices.gate`).

.. [1] "Statistical assessment of endurance degradation in high and low resistive states of the
   HfO2-based RRAM" (2013), acemap 53082961, abstract.
.. [2] doi:10.1016/j.mssp.2025.109668, abstract.
.. [3] M. Lanza et al., "Recommended methods to study resistive switching devices", Adv. Electron.
   Mater. 5, 1800143 (2019), doi:10.1002/aelm.201800143.
"""

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr, ndtr, ndtri, ndtri_exp

from reliability.devices.conditions import carried
from reliability.devices.shapes import (
    Slopes,
    bent,
    both_tails,
    inverse_sinh_arcsinh,
    sinh_arcsinh,
    unbent,
)
from reliability.errors import InputError
from reliability.technology import Parameter, Technology, expect_technology
from reliability.units import outside, quantity

SIGMAS = ("sigma_lot", "sigma_wafer", "sigma_die", "sigma_cell", "sigma_cycle")
SLOPES = (
    "slope_low_3", "slope_low_2", "slope_low_1", "slope_median", "slope_high_1", "slope_high_2",
    "slope_high_3",
)  # fmt: skip
_NARROW = 0.2  # of the spread between cells: below, nodes of the average over cells are refined


@dataclass(frozen=True)
class Programming:
    """Distribution of one programmed state.

    Parameters
    ----------
    model : {"normal_conductance", "lognormal_resistance", "loglogistic_resistance"}
    resistance : float
        Median resistance, ohm.
    sigma_lot, sigma_wafer, sigma_die, sigma_cell, sigma_cycle : float
        Standard deviation of each level of the hierarchy, relative (of ln R or of G R).
    radial : float
        Shift of ln R from wafer centre to edge.
    sigma_spread : float
        tau, standard deviation over cells of ln(sigma_cycle of a cell).
    skew, tail : float
        Of the sinh-arcsinh map of a pulse; 0 and 1 are the normal distribution.
    slopes : tuple of float
        Of the quantile function at -3 to 3 sigma, relative to sigma; empty for 1 everywhere.
    smallest_probability : float
        That the data support; 0 where the card does not say.
    tail_scale : float
        Of the slope beyond the quantiles of ``smallest_probability``.
    """

    model: str
    resistance: float
    sigma_lot: float
    sigma_wafer: float
    sigma_die: float
    radial: float
    sigma_cell: float
    sigma_cycle: float
    sigma_spread: float = 0.0
    skew: float = 0.0
    tail: float = 1.0
    slopes: Slopes = ()
    smallest_probability: float = 0.0
    tail_scale: float = 1.0

    @classmethod
    def from_technology(cls, technology: Technology, state: str) -> "Programming":
        """Read the sections ``programming.<state>`` and ``cycles.<state>`` of a card."""
        section = f"programming.{state}"
        values = {
            name: technology[f"{section}.{name}"] for name in ("resistance", "radial", *SIGMAS)
        }
        for name, section_of_it, default in (
            ("sigma_spread", f"cycles.{state}", 0.0),
            ("skew", f"cycles.{state}", 0.0),
            ("tail", f"cycles.{state}", 1.0),
            ("smallest_probability", section, 0.0),
            ("tail_scale", section, 1.0),
        ):
            values[name] = technology.get(f"{section_of_it}.{name}", default)
        slopes: Slopes = ()
        if any(f"{section}.{name}" in technology for name in SLOPES):
            slopes = tuple(technology[f"{section}.{name}"] for name in SLOPES)
            if min(slopes) <= 0:
                raise InputError(f"{section}: got a slope of {min(slopes):g}, allowed > 0")
        return cls(model=technology.models[section], slopes=slopes, **values)

    @property
    def sigma(self) -> float:
        """Standard deviation of the deviation d over all levels, without the radial part."""
        return math.hypot(*(getattr(self, name) for name in SIGMAS))

    @property
    def sigma_fixed(self) -> float:
        """Standard deviation of what stays from pulse to pulse."""
        return math.hypot(*(getattr(self, name) for name in SIGMAS[:-1]))

    @property
    def is_normal(self) -> bool:
        """Whether the deviation d is normal."""
        return self.sigma_spread == 0 and self.skew == 0 and self.tail == 1


def correlation(technology: Technology, level: str) -> float:
    """Return the correlation of the deviations of LRS and HRS at one level of the hierarchy.

    Parameters
    ----------
    technology : Technology
        A card without an entry has 1 for ``cell`` and 0 for the others.
    level : {"lot", "wafer", "die", "cell"}

    Raises
    ------
    InputError
        Outside -1 to 1.
    """
    name = f"programming.correlation_{level}"
    value = float(technology.get(name, 1.0 if level == "cell" else 0.0))
    if not -1 <= value <= 1:
        raise InputError(f"{name}: got {value:g}, allowed -1 to 1")
    return value


def cell_deviate(
    state: str,
    rho: float,
    deviates: Callable[[str], NDArray[np.floating]],
    name: str = "programming.cell",
) -> NDArray[np.floating]:
    """Return each cell's own standard normal deviate in a state.

    Parameters
    ----------
    state : {"LRS", "HRS"}
    rho : float
        `correlation` of the two states at the level of the cell.
    deviates : callable
        Name of a phenomenon to standard normal deviates of the cells.
    name : str
        Of the phenomenon.

    Examples
    --------
    >>> drawn = {"programming.cell": np.ones(1), "programming.cell.HRS": np.zeros(1)}
    >>> cell_deviate("HRS", -0.4, drawn.__getitem__)
    array([-0.4])
    """
    common = deviates(name)
    if state == "LRS" or rho == 1:
        return common
    kind = common.dtype.type
    return kind(rho) * common + kind(math.sqrt(1 - rho**2)) * deviates(f"{name}.HRS")


def pulse(
    parameters: Programming, deviate: NDArray[np.floating], width: NDArray[np.floating] | float
) -> NDArray[np.floating]:
    """Return what one pulse adds to the deviation d.

    Parameters
    ----------
    parameters : Programming
    deviate : ndarray
        u, standard normal, of the pulse.
    width : ndarray or float
        Of the cells, from `widths`.

    Examples
    --------
    >>> model = Programming("lognormal_resistance", 88e3, 0, 0, 0, 0, 1.0, 0.7)
    >>> pulse(model, np.array([1.0, -2.0]), 1.0)
    array([ 0.7, -1.4])
    """
    if parameters.skew != 0 or parameters.tail != 1:
        deviate = sinh_arcsinh(deviate, parameters.skew, parameters.tail)
    return deviate * deviate.dtype.type(parameters.sigma_cycle) * width


def widths(
    parameters: Programming, deviates: Callable[[str], NDArray[np.floating]], state: str
) -> NDArray[np.floating] | float:
    """Return the width of each cell's distribution over pulses, relative to sigma_cycle.

    Parameters
    ----------
    parameters : Programming
    deviates : callable
        Name of a phenomenon to standard normal deviates of the cells.
    state : {"LRS", "HRS"}
    """
    if parameters.sigma_spread == 0:
        return 1.0
    z = deviates(f"cycles.sigma.{state}")
    tau = z.dtype.type(parameters.sigma_spread)
    return np.asarray(np.exp(tau * z - tau * tau))


def conductance(parameters: Programming, deviation: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the conductance, S, of cells with the given deviations (any shape).

    Examples
    --------
    >>> hrs = Programming("lognormal_resistance", 88e3, 0, 0, 0, 0, 1.0, 0.7)
    >>> (1 / conductance(hrs, np.array([0.0]))).round(6)
    array([88000.])
    """
    kind = deviation.dtype.type
    deviation = _shaped(parameters, deviation)
    if parameters.model == "normal_conductance":
        out = (kind(1.0) - deviation) * kind(1.0 / parameters.resistance)
        return np.maximum(out, kind(0.0), out=out)
    if parameters.model == "loglogistic_resistance" and parameters.sigma > 0:
        deviate = deviation / kind(parameters.sigma)
        logit = log_ndtr(deviate) - log_ndtr(-deviate)
        deviation = kind(parameters.sigma * math.sqrt(3) / math.pi) * logit
    return np.exp(-deviation) * kind(1.0 / parameters.resistance)


def deviation_at(parameters: Programming, reference: ArrayLike) -> NDArray[np.float64]:
    """Return the deviation d at which a cell has the conductance ``reference`` (S).

    The inverse of `conductance`; below a reference lie the cells with a larger deviation.

    Examples
    --------
    >>> lrs = Programming("normal_conductance", 5e3, 0, 0, 0, 0, 0.1, 0.15)
    >>> deviation_at(lrs, [2e-4, 1e-4]).round(6).tolist()
    [0.0, 0.5]
    """
    g = np.asarray(reference, float) * parameters.resistance
    if parameters.model == "normal_conductance":
        return _unshaped(parameters, 1.0 - g)
    with np.errstate(divide="ignore"):
        log_resistance = -np.log(g)
    if parameters.model == "loglogistic_resistance" and parameters.sigma > 0:
        logit = log_resistance * math.pi / (math.sqrt(3) * parameters.sigma)
        # through the smaller of the two tails, so that neither loses digits
        tail = np.exp(-np.abs(logit)) / (1 + np.exp(-np.abs(logit)))
        log_resistance = np.asarray(-np.sign(logit) * parameters.sigma * ndtri(tail))
    return _unshaped(parameters, log_resistance)


def _shaped(parameters: Programming, deviation: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return d' = sigma T(d / sigma), stretched beyond what the data support."""
    if not parameters.slopes or parameters.sigma == 0:
        return deviation
    kind = deviation.dtype.type
    out = bent(deviation / kind(parameters.sigma), parameters.slopes)
    if parameters.tail_scale != 1 and parameters.smallest_probability > 0:
        low, high = (kind(end) for end in _supported(parameters))
        inside = np.clip(out, low, high)
        out = inside + kind(parameters.tail_scale) * (out - inside)
    return out * kind(parameters.sigma)


def _unshaped(parameters: Programming, value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the deviation d whose d' is ``value``."""
    if not parameters.slopes or parameters.sigma == 0:
        return value
    out = value / parameters.sigma
    if parameters.tail_scale != 1 and parameters.smallest_probability > 0:
        inside = np.clip(out, *_supported(parameters))
        out = inside + (out - inside) / parameters.tail_scale
    return unbent(out, parameters.slopes) * parameters.sigma


@lru_cache(maxsize=256)
def _supported(parameters: Programming) -> tuple[float, float]:
    """T at the lowest and the highest quantile that the data support."""
    score = ndtri(parameters.smallest_probability) * np.array([1.0, -1.0])
    low, high = bent(deviation_of(parameters, score) / parameters.sigma, parameters.slopes)
    return float(low), float(high)


def mean(parameters: Programming) -> float:
    """Return the mean conductance over all levels, S (radial part and truncation neglected).

    For the log-logistic distribution E[G] = G_median pi s / sin(pi s), infinite from s = 1 on; with
    a map of d or of the pulses by quadrature over 9 sigma.

    Examples
    --------
    >>> lrs = Programming("normal_conductance", 5e3, 0, 0, 0, 0, 0.1, 0.15)
    >>> mean(lrs)
    0.0002
    """
    if parameters.slopes or not parameters.is_normal:
        weight, score = standard_nodes()
        return float(weight @ conductance(parameters, deviation_of(parameters, score)))
    if parameters.model == "normal_conductance":
        return 1.0 / parameters.resistance
    if parameters.model == "loglogistic_resistance":
        s = parameters.sigma * math.sqrt(3) / math.pi
        ratio = 1.0 if s == 0 else math.inf if s >= 1 else math.pi * s / math.sin(math.pi * s)
        return ratio / parameters.resistance
    return float(np.exp(parameters.sigma**2 / 2) / parameters.resistance)


def quantile(parameters: Programming, probability: ArrayLike) -> NDArray[np.floating]:
    """Return the conductance, S, that a fraction ``probability`` of all cells lies below."""
    score = -ndtri(np.asarray(probability, float))
    return conductance(parameters, deviation_of(parameters, score))


def probability_below(parameters: Programming, reference: ArrayLike) -> NDArray[np.floating]:
    """Return the probability that a cell's conductance is below ``reference`` (S).

    Examples
    --------
    >>> lrs = Programming("normal_conductance", 5e3, 0, 0, 0, 0, 0.1, 0.15)
    >>> probability_below(lrs, [2e-4]).round(6)
    array([0.5])
    """
    return np.asarray(ndtr(-score_of(parameters, deviation_at(parameters, reference))))


def score_of(parameters: Programming, deviation: ArrayLike) -> NDArray[np.float64]:
    """Return the standard normal score of a deviation d: Phi(score) is the fraction below it.

    Closed form where d is normal; else by quadrature over cells, tabulated once.

    Examples
    --------
    >>> model = Programming("lognormal_resistance", 88e3, 0, 0, 0, 0, 0.3, 0.4)
    >>> float(score_of(model, 1.0))
    2.0
    """
    d = np.asarray(deviation, float)
    if parameters.sigma == 0:  # cells without any spread are above or not
        return np.where(d < 0, -np.inf, np.inf)
    if parameters.is_normal or parameters.sigma_cycle == 0:
        return d / parameters.sigma
    table = _table(parameters)
    inside = np.clip(d, table.deviation[0], table.deviation[-1])
    return np.asarray(table.score_of(inside) + (d - inside) / parameters.sigma)


def deviation_of(parameters: Programming, score: ArrayLike) -> NDArray[np.float64]:
    """Return the deviation d of a standard normal score, the inverse of `score_of`."""
    z = np.asarray(score, float)
    if parameters.is_normal or parameters.sigma_cycle == 0:
        return z * parameters.sigma
    return np.asarray(_table(parameters).deviation_of(z))


@dataclass(frozen=True)
class _Table:
    """Scores of deviations; each way through the table is a spline, made when it is first taken."""

    deviation: NDArray[np.float64]
    score: NDArray[np.float64]

    @cached_property
    def score_of(self) -> "scipy.interpolate.CubicSpline":
        return scipy.interpolate.CubicSpline(self.deviation, self.score)

    @cached_property
    def deviation_of(self) -> "scipy.interpolate.CubicSpline":
        return scipy.interpolate.CubicSpline(self.score, self.deviation)


def _table(parameters: Programming) -> _Table:
    """Scores of d between -9 and 9 sigma, in the one form for all that share the pulses."""
    return _tabulated(
        parameters.sigma_fixed, parameters.sigma_cycle, parameters.sigma_spread, parameters.skew,
        parameters.tail,
    )  # fmt: skip


@lru_cache(maxsize=64)
def _tabulated(fixed: float, cycle: float, spread: float, skew: float, tail: float) -> _Table:
    model = Programming("lognormal_resistance", 1.0, 0, 0, 0, 0, fixed, cycle, spread, skew, tail)
    u = np.linspace(-13.0, 13.0, 209)
    d = fixed * u + pulse(model, u, 1.0)
    if cycle > _NARROW * fixed:
        weight, at, width = nodes(model, 0.0, d)
        score = pulse_deviate(model, d[:, None] - at, width)
    else:  # smooth in the pulse instead
        weight, z, width = nodes(replace(model, sigma_cell=1.0, sigma_cycle=1.0), 0.0, d)
        score = (
            d[:, None] - cycle * width * pulse(replace(model, sigma_cycle=1.0), z, 1.0)
        ) / fixed
    below, above = (tail @ weight for tail in both_tails(score))
    with np.errstate(divide="ignore"):
        score = np.where(below < above, ndtri_exp(np.log(below)), -ndtri_exp(np.log(above)))
    kept = np.abs(score) < 12
    score, d = score[kept], d[kept]
    return _Table(d, score)


def pulse_deviate(
    parameters: Programming, value: NDArray[np.float64], width: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """Return the deviate u of a pulse that adds ``value`` to the deviation, as of `pulse`."""
    out = value / (parameters.sigma_cycle * width)
    if parameters.skew != 0 or parameters.tail != 1:
        out = inverse_sinh_arcsinh(out, parameters.skew, parameters.tail)
    return out


def nodes(
    parameters: Programming, offsets: ArrayLike, steps: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return weights, deviations and widths that stand for all cells between pulses.

    By Gauss-Legendre quadrature on the normal's range of +-9 sigma, which holds 1e-18, and
    Gauss-Hermite over the widths. Where cells hardly vary from cycle to cycle, what happens to one
    turns within few sigma_cycle of the deviations ``steps``: nodes lie close there.

    Parameters
    ----------
    parameters : Programming
    offsets : array_like
        Deviations of equal fractions of the cells besides, e.g. of dies by their radius.
    steps : ndarray
    """
    weight, fixed = _fixed_nodes(parameters, offsets, steps)
    if parameters.sigma_spread == 0 or parameters.sigma_cycle == 0:
        return weight, fixed, np.ones_like(fixed)
    z, of_z = np.polynomial.hermite_e.hermegauss(15)
    tau = parameters.sigma_spread
    return (
        np.outer(weight, of_z / of_z.sum()).ravel(),
        np.repeat(fixed, len(z)),
        np.tile(np.exp(tau * z - tau**2), len(fixed)),
    )


def _fixed_nodes(
    parameters: Programming, offsets: ArrayLike, steps: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    sigma, cycle = parameters.sigma_fixed, parameters.sigma_cycle
    off = np.atleast_1d(np.asarray(offsets, float))
    if sigma == 0:
        return np.full(len(off), 1 / len(off)), off
    if cycle > _NARROW * sigma:
        weight, z = standard_nodes()
        return np.tile(weight / len(off), len(off)), (off[:, None] + sigma * z).ravel()
    around = cycle * np.array([-6.0, -2.0, 0.0, 2.0, 6.0])
    x, w = np.polynomial.legendre.leggauss(16)
    weights, found = [], []
    for own in off:
        turns = ((steps[:, None] + around).ravel() - own) / sigma
        edges = np.unique(np.clip(np.append(np.linspace(-9.0, 9.0, 19), turns), -9.0, 9.0))
        half = np.diff(edges)[:, None] / 2
        z = (edges[:-1, None] + half * (1 + x)).ravel()
        weight = (half * w).ravel() * np.exp(-(z**2) / 2)
        weights.append(weight / weight.sum() / len(off))
        found.append(own + sigma * z)
    return np.concatenate(weights), np.concatenate(found)


@lru_cache(maxsize=1)
def standard_nodes() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return weights and nodes of the average over a standard normal."""
    x, w = np.polynomial.legendre.leggauss(160)
    weight = w * np.exp(-((9.0 * x) ** 2) / 2)
    return weight / weight.sum(), 9.0 * x


def set_conditions(
    technology: Technology,
    *,
    compliance_current: float | str | None = None,
    reset_voltage: float | str | None = None,
    pulse_width: float | str | None = None,
) -> Technology:
    """Return the card of cells programmed under other conditions.

    Parameters
    ----------
    technology : Technology
        A card with the conditions that its LRS and HRS hold for.
    compliance_current : float or str, optional
        Of the SET, A.
    reset_voltage : float or str, optional
        Stop voltage of the RESET, V.
    pulse_width : float or str, optional
        Of SET and RESET, s.

    Returns
    -------
    Technology
        The same card with its medians, LRS spreads and conditions changed, and with them what
        depends on the states in other models (`reliability.devices.conditions`). Whatever takes a
        card (populations, networks, windows) takes this one.

    Raises
    ------
    InputError
        The card states no conditions; a current or width of 0 or less; a RESET voltage at which
        the card's cells do not reset.

    Warns
    -----
    UserWarning
        A condition outside the range that the card gives for it (``valid``).

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("oxram-130nm")
    >>> low = set_conditions(tech, compliance_current="50 uA")
    >>> round(low["programming.LRS.resistance"] / tech["programming.LRS.resistance"], 3)
    2.0
    """
    expect_technology(technology)
    asked = {
        "compliance_current": compliance_current,
        "reset_voltage": reset_voltage,
        "pulse_width": pulse_width,
    }
    asked_for = {
        f"programming.{name}": condition(technology, name, value)
        for name, value in asked.items()
        if value is not None
    }
    for note in out_of_range(technology, asked_for):
        warnings.warn(note, stacklevel=2)
    factor = _factors(technology, asked_for)
    ratios = {key.partition(".")[2]: value / technology[key] for key, value in asked_for.items()}
    factor |= carried(technology, factor, ratios)
    changed = dict(technology.parameters)
    for key, value in asked_for.items():
        changed[key] = _set(changed[key], value)
    for key, ratio in factor.items():
        if ratio != 1.0:
            changed[key] = _scaled(changed[key], ratio)
    return replace(technology, parameters=changed)


def condition(technology: Technology, name: str, value: float | str) -> float:
    """Check one programming condition and return it in SI."""
    parameter = technology.parameters.get(f"programming.{name}")
    if parameter is None:
        raise InputError(f"{name}: {technology.name} does not say what it depends on")
    number = quantity(value, parameter.unit, name, low=0.0)
    if number == 0:
        raise InputError(f"{name}: got {value!r}, allowed > 0 {parameter.unit}")
    return number


def out_of_range(technology: Technology, conditions: Mapping[str, float]) -> list[str]:
    """Return one line for each condition (dotted name to SI value) that leaves its valid range."""
    notes = []
    for key, value in conditions.items():
        said = technology.parameters[key]
        notes += outside(f"{key}:", [value], said.valid, said.unit)
    return notes


def _factors(technology: Technology, conditions: dict[str, float]) -> dict[str, float]:
    """What the conditions multiply the parameters of the states by."""
    factor: dict[str, float] = {}

    def multiply(key: str, ratio: float) -> None:
        factor[key] = factor.get(key, 1.0) * ratio

    for key, value in conditions.items():
        ratio = value / technology[key]
        if key.endswith("compliance_current"):
            exponent = technology["programming.LRS.compliance_exponent"]
            multiply("programming.LRS.resistance", ratio**-exponent)
            spread = ratio ** -technology["programming.LRS.sigma_exponent"]
            multiply("programming.LRS.sigma_cell", spread)
            multiply("programming.LRS.sigma_cycle", spread)
        elif key.endswith("reset_voltage"):
            threshold = technology["programming.HRS.reset_threshold"]
            if value <= threshold:
                raise InputError(
                    f"reset_voltage: got {value:g} V, allowed > {threshold:g} V, below which cells "
                    f"of {technology.name} do not reset"
                )
            overdrive = (value - threshold) / (technology[key] - threshold)
            exponent = technology["programming.HRS.reset_exponent"]
            multiply("programming.HRS.resistance", overdrive**exponent)
        else:
            for state, sign in (("LRS", -1.0), ("HRS", 1.0)):
                exponent = sign * technology[f"programming.{state}.width_exponent"]
                multiply(f"programming.{state}.resistance", ratio**exponent)
    return factor


def _set(condition: Parameter, value: float) -> Parameter:
    """Set a condition; one outside its valid range, which was warned of, has none any more."""
    low, high = condition.valid or (value, value)
    if low <= value <= high:
        return condition.model_copy(update={"value": value})
    note = f"outside the range {low:g} to {high:g} {condition.unit} that the model is valid in"
    note = f"{condition.note}; {note}" if condition.note else note
    return condition.model_copy(update={"value": value, "valid": None, "note": note})


def _scaled(parameter: Parameter, ratio: float) -> Parameter:
    """Multiply a value and its uncertainty; what it came from stays."""
    update: dict[str, object] = {
        "value": parameter.value * ratio,
        "valid": None,
        "note": f"{parameter.note + '; ' if parameter.note else ''}x {ratio:.6g} by the conditions",
    }
    if parameter.interval:
        update["interval"] = tuple(end * ratio for end in parameter.interval)
    if parameter.distribution == "normal" and parameter.sigma is not None:
        update["sigma"] = parameter.sigma * ratio
    return parameter.model_copy(update=update)
