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
Floats = NDArray[np.floating]
# phenomenon -> standard normal scores of the cells
Latents = Callable[[str], Floats]
Reads = Floats | float
Path = Callable[[Floats, Latents, Reads], Floats]
TargetPath = Callable[[Floats, Floats, Latents, Reads], Floats]


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
        ``(programmed, latents, reads)`` to conductance: S, shape (...); the name of a phenomenon
        to an array of standard normal scores, shape (...); reads of each cell for each read of the
        history, a number or shape (...). Cards are read here, once, and not for each block of
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
    relaxing = None
    if f"relaxation.{state}.sigma" in technology:
        relaxing = relaxation.Relaxation.from_technology(technology, state)
    lose = _losses(technology, state, history)

    def after(programmed: Floats, latents: Latents, reads: Reads) -> Floats:
        g = programmed
        if relaxing is not None:
            g = relaxation.conductance(relaxing, g, history.duration, latents("relaxation"))
        return lose(g, latents, reads)

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
        ``(programmed, target, latents, reads)`` to conductance; ``target`` (S) is broadcast to
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
    relaxing = drifting = None
    count = 0
    if "relaxation.target" in technology.models:
        relaxing = relaxation.TargetRelaxation.from_technology(technology)
        count = len(relaxation.steps(relaxing, times, temperatures))
    if "drift.nu_intercept" in technology:
        drifting = drift.Drift.from_technology(technology)
        if drift.log_time(drifting, times, temperatures) <= 0:
            drifting = None
    lose = _losses(technology, "target", history)

    def after(programmed: Floats, target: Floats, latents: Latents, reads: Reads) -> Floats:
        g = programmed
        if relaxing is not None:
            scores = [latents("relaxation" if k == 0 else f"relaxation.{k}") for k in range(count)]
            g = relaxation.target_conductance(relaxing, g, target, times, temperatures, scores)
        if drifting is not None:
            g = drift.conductance(drifting, g, target, times, temperatures, latents("drift"))
        return lose(g, latents, reads)

    return after


def _losses(technology: Technology, state: str, history: MissionProfile) -> Path:
    """Return what retention and read disturb do to a state."""
    retaining = disturbing = None
    if f"retention.{state}.time_constant" in technology and history.duration > 0:
        retaining = retention.Retention.from_technology(technology, state)
    worth = 0.0
    if f"read_disturb.{state}.voltage_slope" in technology and history.reads > 0:
        disturbing = read_disturb.ReadDisturb.from_technology(technology, state)
        segments = history.segments
        worth = float(
            read_disturb.equivalent_reads(
                disturbing,
                [segment.reads for segment in segments],
                [segment.read_voltage for segment in segments],
                history.temperatures,
                technology.get("read.pulse_width"),
                [segment.alternating for segment in segments],
            )
        )
        if worth == 0:
            disturbing = None
    # Without it all lost cells would be equal, and a population would look better for its losses.
    spread = technology.get("retention.sigma_asymptotic", 0.0)

    def after(g: Floats, latents: Latents, reads: Reads) -> Floats:
        if retaining is None and disturbing is None:
            return g
        # resistance at which each cell ends, over that of the median one
        end = np.exp(spread * latents("end")) if spread else 1.0
        if retaining is not None:
            model = replace(retaining, asymptotic_resistance=retaining.asymptotic_resistance * end)
            z = latents("retention")
            g = retention.conductance(model, g, history.times, history.temperatures, z)
        if disturbing is not None:
            ending = replace(
                disturbing, asymptotic_resistance=disturbing.asymptotic_resistance * end
            )
            g = read_disturb.conductance(ending, g, worth * reads, latents("read_disturb"))
        return g

    return after
