"""The path of a cell: its conductance after all that a mission does to it, in the order of nature.

Relaxation follows programming at once, drift and retention go on from there, read disturb comes on
top. What a card has a section for is applied, with the random numbers that this module names; what
it has not is not. Each phenomenon counts from the moment of programming and takes the whole
history, so that ageing in two steps equals ageing in one. Wear acts on each by its link
(`reliability.devices.wear`).
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from reliability.devices import drift, level_relaxation, read_disturb, relaxation, retention
from reliability.devices.wear import Wear
from reliability.mission import MissionProfile
from reliability.technology import Technology

PHENOMENA = ("relaxation", "drift", "retention", "read_disturb")
Floats = NDArray[np.floating]
# phenomenon -> standard normal deviates of the cells
Deviates = Callable[[str], Floats]
Reads = Floats | float
# Equivalent cycles of the cells, None where they are fresh.
Worn = Floats | float | None
Path = Callable[[Floats, Deviates, Reads, Worn], Floats]
TargetPath = Callable[[Floats, Floats, Deviates, Reads, Worn], Floats]


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
        ``(programmed, deviates, reads, worn)`` to conductance: S, shape (...); the name of a
        phenomenon to an array of standard normal deviates, shape (...); reads of each cell for each
        read of the history, a number or shape (...); equivalent cycles of the cells, likewise, or
        None. Cards are read here, once, and not for each block of cells.

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("oxram-130nm")
    >>> decade = MissionProfile.constant(time="10 years", temperature="85 degC")
    >>> after = state_path(tech, "LRS", decade)
    >>> g = after(np.array([2e-4]), lambda name: np.zeros(1), 1.0, None)
    >>> bool(0 < g[0] < 2e-4)
    True
    """
    relaxation_model = None
    if f"relaxation.{state}.sigma" in technology:
        relaxation_model = relaxation.Relaxation.from_technology(technology, state)
    link, lose = Wear.from_technology(technology, state), _losses(technology, state, history)
    most = 1 / technology["programming.LRS.resistance"]

    def after(programmed: Floats, deviates: Deviates, reads: Reads, worn: Worn) -> Floats:
        g = programmed
        if relaxation_model is not None:
            z = relaxation.deviate(relaxation_model, history.duration, deviates)
            g = relaxation.conductance(relaxation_model, g, history.duration, z)
            if worn is not None:
                part = relaxation.progress(relaxation_model, history.duration)
                stretch = link.growth(link.relaxation_spread[0], worn)
                more = np.exp(link.relaxation_shift[0] * part * link.decades(worn))
                far = relaxation.conductance(
                    relaxation_model, programmed, history.duration, z, stretch
                ) * more.astype(g.dtype)
                # what wear adds to the relaxation of a HRS ends at the LRS
                g = np.minimum(far, np.maximum(g, g.dtype.type(most))) if state == "HRS" else far
        return lose(g, deviates, reads, worn)

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
        ``(programmed, target, deviates, reads, worn)`` to conductance; ``target`` (S) is broadcast
        to ``programmed``, the others are as for `state_path`.

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("pcm-mushroom")
    >>> g = np.array([20e-6])
    >>> after = target_path(tech, MissionProfile.constant(time="1 day"))
    >>> after(g, g, lambda name: np.zeros(1), 1.0, None).round(8)
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
    link = Wear.from_technology(technology, "target")
    lose = _losses(technology, "target", history)

    def after(
        programmed: Floats, target: Floats, deviates: Deviates, reads: Reads, worn: Worn
    ) -> Floats:
        g = programmed
        if relaxation_model is not None and streams:
            each = [deviates(name) for name in streams]
            stretch: Floats | None = None
            if worn is not None:
                stretch = link.growth(link.at_level(link.relaxation_spread, target), worn)
                jumps = [k for k, name in enumerate(streams) if name == "relaxation.unstable"]
                for k in jumps:
                    each[k] = link.jump_deviate(each[k], worn)
            g = level_relaxation.conductance(
                relaxation_model, g, target, times, temperatures, each, stretch
            )
            if worn is not None and any(link.relaxation_shift):
                more = link.at_level(link.relaxation_shift, target) * link.decades(worn)
                more = more * level_relaxation.reached(relaxation_model, times, temperatures)
                g = np.maximum(g + more.astype(g.dtype), g.dtype.type(0.0))
        if drift_model is not None:
            g = drift.conductance(drift_model, g, target, times, temperatures, deviates("drift"))
        return lose(g, deviates, reads, worn)

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

    link = Wear.from_technology(technology, state)

    def after(g: Floats, deviates: Deviates, reads: Reads, worn: Worn) -> Floats:
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
            if worn is not None:
                model, z = _lower_barrier(model, z, link.barrier * link.decades(worn))
                weak = None if weak is None else link.weak_deviate(weak, worn)
            g = retention.conductance(model, g, history.times, history.temperatures, z, weak)
        if disturb_model is not None:
            ending = replace(
                disturb_model, asymptotic_resistance=disturb_model.asymptotic_resistance * end
            )
            g = read_disturb.conductance(ending, g, dose * reads, deviates("read_disturb"))
        return g

    return after


def _lower_barrier(
    model: retention.Retention, z: Floats, by: Floats
) -> tuple[retention.Retention, Floats]:
    """Model and deviates of cells whose barrier is lower (eV): the deviate is that of a barrier."""
    if not np.any(by):
        return model, z
    sigma = model.sigma_activation_energy
    if sigma:
        return model, z - (by / sigma).astype(z.dtype)
    return replace(model, sigma_activation_energy=1.0), np.zeros_like(z) - by.astype(z.dtype)
