"""Programming of two states: the conductance that one SET or RESET pulse leaves behind.

A cell's deviation d is the sum of independent normal terms, from the lot down to the single
programming pulse, relative to the median resistance R:

    d = lot + wafer + radial ((r/r_wafer)^2 - 1/2) + die + cell + cycle

- ``normal_conductance`` (LRS):      G = (1 - d) / R, not below 0
- ``lognormal_resistance`` (HRS):    G = exp(-d) / R, that is ln R_cell = ln R + d
- ``loglogistic_resistance``:        ln R_cell = ln R + s ln[p / (1 - p)], p = Phi(d / sigma),
  s = sigma sqrt(3) / pi: the same median and sigma with heavier tails

LRS read current is close to normal and HRS read current log-normal in HfO2 1T1R arrays [1]_; the
log-logistic distribution fits multilevel post-programming conductance of HfO2 best over six states
[2]_.
Read voltages up to 0.1 V. The body is described, not the tails: failed SET and RESET pulses are
defects.

The median and the spread follow the programming conditions (`set_conditions`):

    R_LRS ~ I_c^-a w^-b,   sigma_LRS ~ I_c^-p,   R_HRS ~ (V_reset - V_T)^n w^c

with the compliance current I_c, the RESET stop voltage V_reset and the pulse width w. a = 1 says
that the SET ends at a constant voltage V_c = R I_c, 0.4 to 0.7 V in oxides after
[3]_ (not confirmed in its text). The RESET model in
the overdrive V_reset - V_T is what a 1T1R array shows over 0.5 V (see `devices.gate`).

.. [1] "Statistical assessment of endurance degradation in high and low resistive states of the
   HfO2-based RRAM" (2013), acemap 53082961, abstract.
.. [2] doi:10.1016/j.mssp.2025.109668, abstract.
.. [3] M. Lanza et al., Adv. Electron. Mater. 5, 1800143 (2019), doi:10.1002/aelm.201800143.
"""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr, ndtr, ndtri

from reliability.errors import InputError
from reliability.technology import Parameter, Technology, expect_technology
from reliability.units import outside, quantity

_SIGMAS = ("sigma_lot", "sigma_wafer", "sigma_die", "sigma_cell", "sigma_cycle")


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
    """

    model: str
    resistance: float
    sigma_lot: float
    sigma_wafer: float
    sigma_die: float
    radial: float
    sigma_cell: float
    sigma_cycle: float

    @classmethod
    def from_technology(cls, technology: Technology, state: str) -> "Programming":
        """Read the section ``programming.<state>`` of a card."""
        section = f"programming.{state}"
        values = {
            f.name: technology[f"{section}.{f.name}"] for f in fields(cls) if f.name != "model"
        }
        return cls(model=technology.models[section], **values)

    @property
    def sigma(self) -> float:
        """Standard deviation of the deviation d over all levels, without the radial part."""
        return math.hypot(*(getattr(self, name) for name in _SIGMAS))


def conductance(parameters: Programming, deviation: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the conductance, S, of cells with the given deviations (any shape).

    Examples
    --------
    >>> hrs = Programming("lognormal_resistance", 88e3, 0, 0, 0, 0, 1.0, 0.7)
    >>> (1 / conductance(hrs, np.array([0.0]))).round(6)
    array([88000.])
    """
    kind = deviation.dtype.type
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
        return 1.0 - g
    with np.errstate(divide="ignore"):
        log_resistance = -np.log(g)
    if parameters.model == "loglogistic_resistance" and parameters.sigma > 0:
        logit = log_resistance * math.pi / (math.sqrt(3) * parameters.sigma)
        # through the smaller of the two tails, so that neither loses digits
        tail = np.exp(-np.abs(logit)) / (1 + np.exp(-np.abs(logit)))
        return np.asarray(-np.sign(logit) * parameters.sigma * ndtri(tail))
    return log_resistance


def mean(parameters: Programming) -> float:
    """Return the mean conductance over all levels, S (radial part and truncation neglected).

    For the log-logistic distribution E[G] = G_median pi s / sin(pi s), infinite from s = 1 on.

    Examples
    --------
    >>> lrs = Programming("normal_conductance", 5e3, 0, 0, 0, 0, 0.1, 0.15)
    >>> mean(lrs)
    0.0002
    """
    if parameters.model == "normal_conductance":
        return 1.0 / parameters.resistance
    if parameters.model == "loglogistic_resistance":
        s = parameters.sigma * math.sqrt(3) / math.pi
        ratio = 1.0 if s == 0 else math.inf if s >= 1 else math.pi * s / math.sin(math.pi * s)
        return ratio / parameters.resistance
    return float(np.exp(parameters.sigma**2 / 2) / parameters.resistance)


def quantile(parameters: Programming, probability: ArrayLike) -> NDArray[np.floating]:
    """Return the conductance, S, that a fraction ``probability`` of all cells lies below."""
    deviation = -parameters.sigma * ndtri(np.asarray(probability, float))
    return conductance(parameters, deviation)


def probability_below(parameters: Programming, reference: ArrayLike) -> NDArray[np.floating]:
    """Return the probability that a cell's conductance is below ``reference`` (S).

    Examples
    --------
    >>> lrs = Programming("normal_conductance", 5e3, 0, 0, 0, 0, 0.1, 0.15)
    >>> probability_below(lrs, [2e-4]).round(6)
    array([0.5])
    """
    return np.asarray(ndtr(-_score_at(parameters, reference)))


def _score_at(parameters: Programming, reference: ArrayLike) -> NDArray[np.float64]:
    """Deviation at the reference in sigmas; cells without any spread are above or not."""
    deviation = deviation_at(parameters, reference)
    if parameters.sigma == 0:
        return np.where(deviation < 0, -np.inf, np.inf)
    return deviation / parameters.sigma


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
        The same card with its medians, LRS spreads and conditions changed. Whatever takes
        a card (populations, networks, windows) takes this one.

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
