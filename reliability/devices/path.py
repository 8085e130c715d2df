"""The path of a cell: its conductance after all that a mission does to it, in the order of nature.

Relaxation follows programming at once, drift and retention go on from there, read disturb comes on
top. What a card has a section for is applied, with the random numbers that this module names; what
it has not is not. Each phenomenon counts from the moment of programming and takes the whole
history, so that ageing in two steps equals ageing in one.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from reliability.devices import drift, level_relaxation, read_disturb, relaxation, retention
from reliability.mission import MissionProfile
from reliability.technology import Technology

PHENOMENA = ("relaxation", "drift", "retention", "read_disturb")
Floats = NDArray[np.floating]
# phenomenon -> standard normal deviates of the cells
Deviates = Callable[[str], Floats]
Reads = Floats | float
Path = Callable[[Floats, Deviates, Reads], Floats]
TargetPath = Callable[[Floats, Floats, Deviates, Reads], Floats]


def state_path(technology: Technology, state: str, history: MissionProfile) -> Path:
    """Return what makes conductances (S) after ``history`` of LRS or HRS cells as programmed.

    Parameters
    ----------
    technology : Technology
    state : {"LRS", "HRS"}
    history : MissionProfile
        All since programming.

    Returns
    -------
    callable
        ``(programmed, deviates, reads)`` to conductance: S, shape (...); the name of a phenomenon
        to an array of standard normal deviates, shape (...); reads of each cell for each read of
        the history, a number or shape (...). Cards are read here, once, and not for each block of
        cells.

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("oxram-130nm")
    >>> decade = MissionProfile.constant(time="10 years", temperature="85 degC")
    >>> after = state_path(tech, "LRS", decade)
    >>> g = after(np.array([2e-4]), lambda name: np.zeros(1), 1.0)
    >>> bool(0 < g[0] < 2e-4)
    True
    """
    relaxation_model = None
    if f"relaxation.{state}.sigma" in technology:
        relaxation_model = relaxation.Relaxation.from_technology(technology, state)
    lose = _losses(technology, state, history)

    def after(programmed: Floats, deviates: Deviates, reads: Reads) -> Floats:
        g = programmed
        if relaxation_model is not None:
            z = relaxation.deviate(relaxation_model, history.duration, deviates)
            g = relaxation.conductance(relaxation_model, g, history.duration, z)
        return lose(g, deviates, reads)

    return after


def target_path(technology: Technology, history: MissionProfile) -> TargetPath:
    """Return what makes conductances (S) after ``history`` of cells programmed to targets.

    Parameters
    ----------
    technology : Technology
    history : MissionProfile

    Returns
    -------
    callable
        ``(programmed, target, deviates, reads)`` to conductance; ``target`` (S) is broadcast to
        ``programmed``, the others are as for `state_path`.

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("pcm-mushroom")
    >>> g = np.array([20e-6])
    >>> after = target_path(tech, MissionProfile.constant(time="1 day"))
    >>> after(g, g, lambda name: np.zeros(1), 1.0).round(8)
    array([1.327e-05])
    """
    times, temperatures = history.times, history.temperatures
    relaxation_model = drift_model = None
    streams: list[str] = []
    if "relaxation.target" in technology.models:
        relaxation_model = level_relaxation.from_technology(technology)
        streams = level_relaxation.streams(relaxation_model, times, temperatures)
    if "drift.nu_intercept" in technology:
        drift_model = drift.Drift.from_technology(technology)
        if drift.log_time(drift_model, times, temperatures) <= 0:
            drift_model = None
    lose = _losses(technology, "target", history)

    def after(programmed: Floats, target: Floats, deviates: Deviates, reads: Reads) -> Floats:
        g = programmed
        if relaxation_model is not None:
            each = [deviates(name) for name in streams]
            g = level_relaxation.conductance(relaxation_model, g, target, times, temperatures, each)
        if drift_model is not None:
            g = drift.conductance(drift_model, g, target, times, temperatures, deviates("drift"))
        return lose(g, deviates, reads)

    return after


def _losses(technology: Technology, state: str, history: MissionProfile) -> Path:
    """Return what retention and read disturb do to a state."""
    retention_model = disturb_model = None
    if f"retention.{state}.time_constant" in technology and history.duration > 0:
        retention_model = retention.Retention.from_technology(technology, state)
    dose = 0.0
    if f"read_disturb.{state}.voltage_slope" in technology and history.reads > 0:
        disturb_model = read_disturb.ReadDisturb.from_technology(technology, state)
        segments = history.segments
        dose = float(
            read_disturb.equivalent_reads(
                disturb_model,
                [segment.reads for segment in segments],
                [segment.read_voltage for segment in segments],
                history.temperatures,
                technology.get("read.pulse_width"),
                [segment.alternating for segment in segments],
            )
        )
        if dose == 0:
            disturb_model = None
    # Without it all lost cells would be equal, and a population would look better for its losses.
    spread = retention.of_state(technology, "sigma_asymptotic", state, 0.0)

    def after(g: Floats, deviates: Deviates, reads: Reads) -> Floats:
        if retention_model is None and disturb_model is None:
            return g
        # resistance at which each cell ends, over that of the median one
        end = np.exp(spread * deviates("end")) if spread else 1.0
        if retention_model is not None:
            model = replace(
                retention_model, asymptotic_resistance=retention_model.asymptotic_resistance * end
            )
            z = deviates("retention")
            weak = deviates("retention.weak") if model.weak_fraction > 0 else None
            g = retention.conductance(model, g, history.times, history.temperatures, z, weak)
        if disturb_model is not None:
            ending = replace(
                disturb_model, asymptotic_resistance=disturb_model.asymptotic_resistance * end
            )
            g = read_disturb.conductance(ending, g, dose * reads, deviates("read_disturb"))
        return g

    return after
