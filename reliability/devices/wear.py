"""Wear: what cycling does to the state that a write leaves, to its relaxation, loss and noise.

A cell that has been written n times at temperatures T carries one latent wear, its equivalent
cycles at the reference condition of its endurance (`reliability.devices.endurance`),

    x = exp(sigma_cell z) sum of n exp[(Ea/k) (1/T_ref - 1/T)],    w(x) = log10(1 + x/x_on)

which add up, so that two steps equal one and no cycle changes nothing. All links act through it:

    relaxation       spread (1 + w)^p times, jumps (1 + w)^q times as frequent, mean change c w more
    written levels   spread (1 + w)^p times
    retention        barrier b w lower, weak cells (1 + w)^q times as frequent
    noise            amplitudes (1 + w)^p times

That relaxation of a worn cell is that of a fresh one, stretched in conductance and with more jumps,
was found on cells of three bits before and after 5000 cycles [2]_. States of oxide memories change
with the decades of cycles [1]_; that the links do so too is assumed: with one number of cycles
beside none x_on is not identifiable, and the exponents hold for that number. Beyond the valid
range of a card they are extrapolated, with a warning. Centre and spread of LRS and HRS as written,
and hard failure, are those of `reliability.devices.endurance`.

A link that a card does not state does not act; `not_modelled` lists it. Recovery by rest is in no
card: no data were found that tell it.

.. [1] P. Huang et al., "Analytic model of endurance degradation and its practical applications for
   operation scheme optimization in metal oxide based RRAM", abstract.
.. [2] Our computation on the data of github.com/akashlevy/RRAM-RADAR-Tuning @ 5038af3.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr, ndtri_exp

from reliability.devices import endurance
from reliability.devices.target import Coefficients
from reliability.mission import MissionProfile
from reliability.technology import Technology

Floats = NDArray[np.floating]
_MANY = 1e3  # times: no link grows beyond, far outside any valid range

# What wear acts on, and the names on a card of which one states it.
LINKS: dict[str, tuple[str, ...]] = {
    "success of a write pulse": ("write.*.pulse_growth", "endurance.*.spread_growth"),
    "centre of the written state": ("endurance.*.window_closure",),
    "spread of the written state": ("endurance.*.spread_growth", "wear.*.programming_spread*"),
    "spread of relaxation": ("wear.*.relaxation_spread*",),
    "jumps of relaxation": ("wear.*.relaxation_jumps",),
    "mean relaxation": ("wear.*.relaxation_shift*",),
    "noise": ("wear.noise",),
    "retention barrier": ("wear.*.barrier",),
    "fraction of weak cells": ("wear.*.weak_fraction",),
    "hard failure": ("endurance.scale",),
    "wear from cell to cell": ("wear.sigma_cell",),
    "recovery by rest": (),
}


def not_modelled(technology: Technology) -> list[str]:
    """Return the links of wear that a card does not state.

    Examples
    --------
    >>> import reliability as rel
    >>> "hard failure" in not_modelled(rel.load_technology("techB"))
    True
    """
    names = list(technology)
    return [
        words
        for words, patterns in LINKS.items()
        if not any(fnmatchcase(name, pattern) for name in names for pattern in patterns)
    ]


@dataclass(frozen=True)
class Wear:
    """Links of a state or of the levels of a card.

    Parameters
    ----------
    onset : float
        x_on, equivalent cycles.
    maximum : float
        G_max, S, between which and 0 the links of levels are stated; 0 for a state.
    relaxation_spread, programming_spread : tuple of float
        Growth exponent at each of evenly spaced levels from 0 to G_max; one value for a state.
    relaxation_shift : tuple of float
        c, S at each level, or of ln G for a state.
    relaxation_jumps : float
        Growth exponent.
    barrier : float
        b, eV.
    weak_fraction : float
        Growth exponent.
    """

    onset: float
    maximum: float = 0.0
    relaxation_spread: Coefficients = (0.0,)
    programming_spread: Coefficients = (0.0,)
    relaxation_shift: Coefficients = (0.0,)
    relaxation_jumps: float = 0.0
    barrier: float = 0.0
    weak_fraction: float = 0.0

    @classmethod
    def from_technology(cls, technology: Technology, state: str) -> "Wear":
        """Read the sections ``wear`` and ``wear.<state>`` of a card; what it lacks is 0.

        Parameters
        ----------
        technology : Technology
        state : {"LRS", "HRS", "target"}
        """

        def series(name: str) -> Coefficients:
            stem = f"wear.{state}.{name}"
            if stem in technology:
                return (technology[stem],)
            found: list[float] = []
            while f"{stem}_{len(found)}" in technology:
                found.append(technology[f"{stem}_{len(found)}"])
            return tuple(found) or (0.0,)

        def single(name: str) -> float:
            return float(technology.get(f"wear.{state}.{name}", 0.0))

        return cls(
            technology.get("wear.onset", 1.0),
            technology["target.maximum"] if state == "target" else 0.0,
            series("relaxation_spread"), series("programming_spread"), series("relaxation_shift"),
            single("relaxation_jumps"), single("barrier"), single("weak_fraction"),
        )  # fmt: skip

    def growth(self, exponent: ArrayLike, x: ArrayLike) -> Floats:
        """Return (1 + w)^p, at most a thousand.

        Examples
        --------
        >>> Wear(onset=100.0).growth(2.0, [0.0, 900.0])
        array([1., 4.])
        """
        return np.exp(np.minimum(np.asarray(exponent) * log_growth(self.onset, x), np.log(_MANY)))

    def decades(self, x: ArrayLike) -> Floats:
        """Return w(x)."""
        return np.log10(1.0 + np.asarray(x, float) / self.onset)

    def at_level(self, values: Coefficients, target: ArrayLike) -> Floats:
        """Return a link at target conductances (S), straight between its values."""
        if len(values) == 1:
            return np.asarray(values[0])
        g = np.asarray(target, float) / self.maximum
        return np.asarray(np.interp(g, np.linspace(0.0, 1.0, len(values)), values))

    def jump_deviate(self, z: Floats, x: ArrayLike) -> Floats:
        """Return the deviate whose lower tail says that a worn cell is unstable.

        A cell with deviate z is unstable where P = Phi(z) < 1 - exp(-jumps); jumps that are f times
        as frequent are those of 1 - (1 - P)^(1/f).

        Examples
        --------
        >>> from scipy.special import ndtr, ndtri
        >>> link = Wear(onset=1.0, relaxation_jumps=1.0)
        >>> z = link.jump_deviate(ndtri([0.19]), 9.0)
        >>> ndtr(z).round(6)
        array([0.1])
        """
        if not self.relaxation_jumps:
            return z
        stable = log_ndtr(-z.astype(float)) / self.growth(self.relaxation_jumps, x)
        return np.asarray(-ndtri_exp(stable), z.dtype)

    def weak_deviate(self, z: Floats, x: ArrayLike) -> Floats:
        """Return the deviate whose lower tail says that a worn cell is weak."""
        if not self.weak_fraction:
            return z
        return np.asarray(
            ndtri_exp(log_ndtr(z.astype(float)) - np.log(self.growth(self.weak_fraction, x))),
            z.dtype,
        )


def log_growth(onset: float, x: ArrayLike) -> Floats:
    """Return ln(1 + w(x)), by which the logarithm of what grows goes.

    Examples
    --------
    >>> log_growth(100.0, [0.0, 900.0]).round(4)
    array([0.    , 0.6931])
    """
    return np.log1p(np.log10(1.0 + np.asarray(x, float) / onset))


def equivalent_cycles(technology: Technology, profile: MissionProfile) -> float:
    """Return the equivalent cycles of a profile at the reference condition of the endurance.

    Cycles count alike at all temperatures on a card without endurance.

    Examples
    --------
    >>> import reliability as rel
    >>> card = rel.load_technology("oxram-130nm")
    >>> hot = MissionProfile([rel.Segment(0, "85 degC", cycles=1000)])
    >>> round(equivalent_cycles(card, hot))
    3684
    """
    model = None
    if "endurance" in technology.models:
        model = endurance.Endurance.from_technology(technology)

    def rate(kelvin: float) -> float:
        return 1.0 if model is None else float(endurance.acceleration(model, kelvin))

    return float(sum(s.cycles * rate(s.temperature) for s in profile.segments if s.cycles))


def cell_cycles(
    technology: Technology, cycles: ArrayLike, deviates: Callable[[str], Floats]
) -> NDArray[np.float64]:
    """Return the equivalent cycles x of cells that share ``cycles`` of them or have their own.

    Parameters
    ----------
    technology : Technology
    cycles : array_like
        Equivalent cycles, a number or of each cell.
    deviates : callable
        Name of a phenomenon to standard normal deviates of the cells.
    """
    sigma = technology.get("wear.sigma_cell", 0.0)
    x = np.asarray(cycles, float)
    return np.asarray(x * np.exp(sigma * deviates("wear")), float) if sigma else x


def after_writes(
    deviates: Callable[[str], Floats], cycles: float, x: Floats, renewed: tuple[str, ...]
) -> Callable[[str], Floats]:
    """Return the deviates of cells after ``cycles`` cycles: what a write draws is drawn anew.

    Parameters
    ----------
    deviates : callable
    cycles : float
        That all cells went through, before the factors of single cells.
    x : ndarray
        Equivalent cycles of each cell; cells with none keep their deviates.
    renewed : tuple of str
        Beginnings of the names of what a write draws.

    Examples
    --------
    >>> given = {"relaxation": np.zeros(2), "relaxation#10": np.ones(2), "retention": np.zeros(2)}
    >>> after = after_writes(given.__getitem__, 10, np.array([0.0, 10.0]), ("relaxation",))
    >>> after("relaxation").tolist(), after("retention").tolist()
    ([0.0, 1.0], [0.0, 0.0])
    """

    def of(name: str) -> Floats:
        if not name.startswith(renewed):
            return deviates(name)
        new = deviates(f"{name}#{cycles:.0f}")
        return new if np.all(x > 0) else np.where(x > 0, new, deviates(name))

    return of
