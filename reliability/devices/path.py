"""The path of a cell: its conductance after all that a mission does to it, in the order of nature.

Relaxation follows programming at once, drift and retention go on from there, read disturb comes on
top. What a card has a section for is applied, with the latents that this module names; what it has
not is not. Each phenomenon counts from the moment of programming and takes the whole history, so
that ageing in two steps equals ageing in one.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from reliability.devices import drift, read_disturb, relaxation, retention
from reliability.mission import MissionProfile
from reliability.technology import Technology

PHENOMENA = ("relaxation", "drift", "retention", "read_disturb")
# phenomenon -> standard normal scores of the cells
Latents = Callable[[str], NDArray[np.floating]]


def state_conductance(
    technology: Technology,
    state: str,
    programmed: NDArray[np.floating],
    history: MissionProfile,
    latents: Latents,
    reads: NDArray[np.floating] | float = 1.0,
) -> NDArray[np.floating]:
    """Return the conductance, S, of LRS or HRS cells after ``history``.

    Parameters
    ----------
    technology : Technology
    state : {"LRS", "HRS"}
    programmed : ndarray, shape (...)
        S.
    history : MissionProfile
        All since programming.
    latents : callable
        Name of a phenomenon to an array of standard normal scores, shape (...).
    reads : float or ndarray, shape (...)
        Reads of each cell for each read of the history.

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("oxram-130nm")
    >>> decade = MissionProfile.constant(time="10 years", temperature="85 degC")
    >>> g = state_conductance(tech, "LRS", np.array([2e-4]), decade, lambda name: np.zeros(1))
    >>> bool(0 < g[0] < 2e-4)
    True
    """
    g = programmed
    if f"relaxation.{state}.sigma" in technology:
        law = relaxation.Relaxation.from_technology(technology, state)
        g = relaxation.conductance(law, g, history.duration, latents("relaxation"))
    g = _retained(technology, state, g, history, latents)
    return _disturbed(technology, state, g, history, latents, reads)


def target_conductance(
    technology: Technology,
    target: NDArray[np.floating],
    programmed: NDArray[np.floating],
    history: MissionProfile,
    latents: Latents,
    reads: NDArray[np.floating] | float = 1.0,
) -> NDArray[np.floating]:
    """Return the conductance, S, of cells programmed to ``target`` (S) after ``history``.

    Parameters
    ----------
    technology : Technology
    target : ndarray, broadcast to ``programmed``
    programmed : ndarray, shape (...)
    history : MissionProfile
    latents, reads
        As for `state_conductance`.

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("pcm-mushroom")
    >>> g = np.array([20e-6])
    >>> day = MissionProfile.constant(time="1 day")
    >>> target_conductance(tech, g, g, day, lambda name: np.zeros(1)).round(8)
    array([1.327e-05])
    """
    g = programmed
    times, temperatures = history.times, history.temperatures
    if "relaxation.target" in technology.laws:
        law = relaxation.TargetRelaxation.from_technology(technology)
        count = len(relaxation.steps(law, times, temperatures))
        scores = [latents("relaxation" if k == 0 else f"relaxation.{k}") for k in range(count)]
        g = relaxation.target_conductance(law, g, target, times, temperatures, scores)
    if "drift.nu_intercept" in technology:
        drifting = drift.Drift.from_technology(technology)
        if drift.log_time(drifting, times, temperatures) > 0:
            g = drift.conductance(drifting, g, target, times, temperatures, latents("drift"))
    g = _retained(technology, "target", g, history, latents)
    return _disturbed(technology, "target", g, history, latents, reads)


def _retained(
    technology: Technology,
    state: str,
    initial: NDArray[np.floating],
    history: MissionProfile,
    latents: Latents,
) -> NDArray[np.floating]:
    if f"retention.{state}.time_constant" not in technology or history.duration == 0:
        return initial
    law = retention.Retention.from_technology(technology, state)
    law = replace(law, final_resistance=_ends(technology, law.final_resistance, latents))
    return retention.conductance(
        law, initial, history.times, history.temperatures, latents("retention")
    )


def _disturbed(
    technology: Technology,
    state: str,
    initial: NDArray[np.floating],
    history: MissionProfile,
    latents: Latents,
    each: float | NDArray[np.floating],
) -> NDArray[np.floating]:
    if f"read_disturb.{state}.voltage_slope" not in technology or history.reads == 0:
        return initial
    law = read_disturb.ReadDisturb.from_technology(technology, state)
    segments = history.segments
    reads = read_disturb.equivalent_reads(
        law,
        [segment.reads for segment in segments],
        [segment.read_voltage for segment in segments],
        history.temperatures,
        technology.get("read.pulse_width"),
        [segment.alternating for segment in segments],
    )
    if not np.any(reads):
        return initial
    law = replace(law, final_resistance=_ends(technology, law.final_resistance, latents))
    return read_disturb.conductance(law, initial, reads * each, latents("read_disturb"))


def _ends(
    technology: Technology, median: float | NDArray[np.floating], latents: Latents
) -> float | NDArray[np.floating]:
    """Resistance (ohm) at which each cell ends, if the card says that lost cells spread.

    Without it all lost cells would be equal, and a population would look better for its losses.
    """
    if "retention.sigma_final" not in technology:
        return median
    return median * np.exp(technology["retention.sigma_final"] * latents("end"))
