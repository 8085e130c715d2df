"""Programming: the conductance that one SET or RESET pulse leaves behind.

A cell's deviation d is the sum of independent normal terms, from the lot down to the single
programming pulse, relative to the median resistance R:

    d = lot + wafer + radial ((r/r_wafer)^2 - 1/2) + die + cell + cycle

- ``normal_conductance`` (LRS):     G = (1 - d) / R, not below 0
- ``lognormal_resistance`` (HRS):   G = exp(-d) / R, that is ln R_cell = ln R + d

LRS read current is close to normal and HRS read current log-normal in HfO2 1T1R arrays [1]_. Read
voltages up to 0.1 V. The body is described, not the tails: failed SET and RESET pulses are defects.

.. [1] "Pulse-induced low-power resistive switching in HfO2 metal-insulator-metal diodes for
   nonvolatile memory applications" and UCL 1T1R cycling study, acemap 53082961 (2013), abstract.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from reliability.technology import Technology

STATES = ("LRS", "HRS")


@dataclass(frozen=True)
class Programming:
    """Distribution of one programmed state.

    Parameters
    ----------
    law : {"normal_conductance", "lognormal_resistance"}
    resistance : float
        Median resistance, ohm.
    sigma_lot, sigma_wafer, sigma_die, sigma_cell, sigma_cycle : float
        Standard deviation of each level of the hierarchy, relative (of ln R or of G R).
    radial : float
        Shift of ln R from wafer centre to edge.
    """

    law: str
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
        values = {f.name: technology[f"{section}.{f.name}"] for f in fields(cls) if f.name != "law"}
        return cls(law=technology.laws[section], **values)

    @property
    def sigma(self) -> float:
        """Standard deviation of the deviation d over all levels, without the radial part."""
        parts = (
            self.sigma_lot,
            self.sigma_wafer,
            self.sigma_die,
            self.sigma_cell,
            self.sigma_cycle,
        )
        return float(np.sqrt(sum(part**2 for part in parts)))


def conductance(parameters: Programming, deviation: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the conductance, S, of cells with the given deviations (any shape).

    Examples
    --------
    >>> hrs = Programming("lognormal_resistance", 88e3, 0, 0, 0, 0, 1.0, 0.7)
    >>> (1 / conductance(hrs, np.array([0.0]))).round(6)
    array([88000.])
    """
    if parameters.law == "normal_conductance":
        out = (1.0 - deviation) / parameters.resistance
        return np.maximum(out, 0.0, out=out)
    return np.exp(-deviation) / parameters.resistance


def mean(parameters: Programming) -> float:
    """Return the mean conductance over all levels, S (radial part and truncation neglected).

    Examples
    --------
    >>> lrs = Programming("normal_conductance", 5e3, 0, 0, 0, 0, 0.1, 0.15)
    >>> mean(lrs)
    0.0002
    """
    if parameters.law == "normal_conductance":
        return 1.0 / parameters.resistance
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
    g = np.asarray(reference, float) * parameters.resistance
    with np.errstate(divide="ignore"):
        score = g - 1.0 if parameters.law == "normal_conductance" else np.log(g)
    return np.asarray(ndtr(score / parameters.sigma))
