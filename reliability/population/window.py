"""The programming window: how far LRS and HRS lie apart, and how often a read confuses them.

Against a reference conductance G_ref a cell in the LRS is read wrongly below it, one in the HRS
above it. The bit-error rate is the mean of the two fractions; it is computed from the closed form
of the distributions, so that 1e-9 and less costs no more than 1e-2, and `sampled_error_rate` checks
it by importance sampling through the same model that populations are sampled from. Stuck and
unformed cells come on top and are stated apart: no reference cures them.
"""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import scipy
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from reliability.devices import programming
from reliability.devices import verify as verifying
from reliability.devices.programming import Programming
from reliability.devices.relaxation import Relaxation
from reliability.devices.verify import Verify
from reliability.errors import InputError, fraction, unknown_name, whole_number
from reliability.mission import MissionProfile
from reliability.population.measured import MeasuredCells, technology_of
from reliability.population.measured_window import (
    least_errors,
    need_two_states,
    spread_of_error,
    window_of_cells,
)
from reliability.population.wafer import radial_positions
from reliability.random import stream
from reliability.technology import STATES, Technology
from reliability.units import quantity
from reliability.version import __version__

Condition = float | str | Sequence[float | str]
_Z90 = 1.6449  # ends of a 90 % interval in sigmas
_UNITS = {"compliance_current": "A", "reset_voltage": "V", "pulse_width": "s"}
# Fraction of LRS cells below, and of HRS cells above, a reference.
Errors = Callable[[float], tuple[float, float]]


def programming_window(
    technology: Technology | xr.Dataset,
    *,
    compliance_current: Condition | None = None,
    reset_voltage: Condition | None = None,
    pulse_width: Condition | None = None,
    reference: float | str | None = None,
    verify: Verify | None = None,
    time: float | str = 0.0,
    temperature: float | str | None = None,
    target_error_rate: float = 1e-6,
) -> xr.Dataset:
    """Map the window between LRS and HRS against programming conditions.

    Parameters
    ----------
    technology : Technology or Dataset
        A Dataset of `reliability.read_measurements`: its cells are counted, with intervals from the
        bootstrap of the cells (`reliability.population.measured`).
    compliance_current, reset_voltage, pulse_width : float, str or a sequence of them, optional
        Conditions to map, A, V and s; each that is given is a dimension of the result, the others
        stay as on the card.
    reference : float or str, optional
        Reference conductance, S; by default the one with the lowest bit-error rate, at every point.
    verify : Verify, optional
        Program with verify instead of by one pulse.
    time : float or str
        Of relaxation since programming, s; of measured cells one that was measured.
    temperature : float or str, optional
        Of measured cells until the read, K; one that was measured.
    target_error_rate : float
        Bit-error rate that ``reaches`` compares with.

    Returns
    -------
    Dataset
        ``lrs`` and ``hrs`` (median conductance, S), ``window`` (decades between them),
        ``reference`` (S), ``error_rate`` (state), ``bit_error_rate``, ``sigmas`` (standard
        normal deviate of the worse of the two states at the reference), ``reaches``, and with
        verify ``pulses`` and ``failed_to_verify`` (state). ``defect_error_rate`` comes on top.
        Where the card says which probabilities its data support, ``extrapolated`` (state) marks
        rates below, and ``error_rate_low`` and ``error_rate_high`` (state) are the ends of the
        90 % interval that the tail beyond the data leaves.
        Conditions outside their valid range are in ``attrs["warnings"]``.

    Raises
    ------
    InputError
        A condition that cannot be, or that the card does not cover.

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("oxram-130nm")
    >>> found = programming_window(
    ...     tech, compliance_current=["50 uA", "200 uA"], reset_voltage=[2.6, 2.9])
    >>> dict(found["bit_error_rate"].sizes)
    {'compliance_current': 2, 'reset_voltage': 2}
    >>> bool((found["window"].diff("reset_voltage") > 0).all())
    True
    """
    technology = technology_of(technology)
    fraction(target_error_rate, "target_error_rate")
    fixed = None if reference is None else quantity(reference, "S", "reference", low=0.0)
    seconds = quantity(time, "s", "time", low=0.0)
    asked = {
        "compliance_current": compliance_current,
        "reset_voltage": reset_voltage,
        "pulse_width": pulse_width,
    }
    if isinstance(technology, MeasuredCells):
        _refuse_conditions(technology, verify=verify, **asked)
        profile = MissionProfile.constant(seconds, 298.15 if temperature is None else temperature)
        out = window_of_cells(technology, fixed, profile)
        out["reaches"] = out["bit_error_rate"] <= target_error_rate
        return out.assign_attrs(target_error_rate=target_error_rate)
    if temperature is not None:
        raise InputError("temperature: applies to measured cells; age a population of a card")
    axes = {
        name: _axis(technology, name, values)
        for name, values in asked.items()
        if values is not None
    }
    points, notes = _at_all_points(technology, axes, fixed, verify, seconds)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    shape = tuple(len(values) for values in axes.values())
    variables = {
        name: _variable(name, [point[name] for point in points], tuple(axes), shape)
        for name in points[0]
    }
    out = xr.Dataset(
        variables,
        coords={name: (name, values, {"units": _UNITS[name]}) for name, values in axes.items()}
        | {"state": list(STATES)},
        attrs={
            "seed": "none",  # closed forms
            "spec_hash": "",
            "technology": technology.name,
            "technology_card": technology.to_json(),
            "reliability_version": __version__,
            "time": seconds,
            "target_error_rate": target_error_rate,
            "defect_error_rate": _defect_error_rate(technology),
            "warnings": notes,
        },
    )
    out["reaches"] = out["bit_error_rate"] <= target_error_rate
    return out


def _at_all_points(
    technology: Technology,
    axes: Mapping[str, NDArray[np.float64]],
    reference: float | None,
    verify: Verify | None,
    time: float,
) -> tuple[list[dict[str, Any]], list[str]]:
    """Windows at all combinations of the conditions, and the warnings of their valid ranges."""
    points, notes = [], set()
    for values in product(*axes.values()):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            card = programming.set_conditions(
                technology, **dict(zip(axes, map(float, values), strict=True))
            )
        notes |= {str(warning.message) for warning in caught}
        points.append(_at_point(card, reference, verify, time))
    return points, sorted(notes)


def _refuse_conditions(cells: MeasuredCells, **given: object) -> None:
    need_two_states(cells)
    for name, value in given.items():
        if value is not None:
            raise InputError(
                f"{name}: {cells.name} holds cells as they were programmed; leave it out"
            )


def best_reference(technology: Technology | xr.Dataset) -> float:
    """Return the conductance, S, at which fresh single pulses of both states are misread least.

    Raises
    ------
    InputError
        A card, or measured cells, without the two states.

    Examples
    --------
    >>> import reliability as rel
    >>> 1e-5 < best_reference(rel.load_technology("oxram-130nm")) < 2e-4
    True
    """
    technology = technology_of(technology)
    if isinstance(technology, MeasuredCells):
        need_two_states(technology)
        return least_errors(technology, technology.place(MissionProfile([])))
    models = {state: Programming.from_technology(technology, state) for state in STATES}
    return _least_errors(models, _errors(technology, models, None, 0.0))


def sampled_error_rate(
    technology: Technology | xr.Dataset,
    state: str,
    reference: float | str,
    *,
    samples: int = 100_000,
    seed: int = 0,
) -> tuple[float, float]:
    """Estimate the fraction of cells on the wrong side of a reference by importance sampling.

    All levels of the hierarchy are drawn, shifted in proportion to their variance so that half of
    the cells fail, and each cell counts with its likelihood ratio. Measured cells are counted, with
    the standard error over their dies or cells.

    Parameters
    ----------
    technology : Technology or Dataset
    state : {"LRS", "HRS"}
    reference : float or str
        S.
    samples, seed : int

    Raises
    ------
    InputError
        An unknown state, a reference that is no conductance, fewer than two samples.

    Returns
    -------
    estimate, standard_error : float

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("oxram-130nm")
    >>> rate, error = sampled_error_rate(tech, "LRS", 3e-5, samples=20_000)
    >>> bool(0 < error < 0.1 * rate < 1e-4)
    True
    """
    technology = technology_of(technology)
    if state not in STATES:
        raise unknown_name("state", state, STATES)
    reference = quantity(reference, "S", "reference", low=1e-15)
    whole_number(samples, "samples", low=2)
    if isinstance(technology, MeasuredCells):
        need_two_states(technology)
        return spread_of_error(technology, state, reference)
    model = Programming.from_technology(technology, state)
    generator = stream(seed, f"window.{state}")
    site = generator.choice(radial_positions(technology), samples)
    centre = _design_point(model, reference)
    z = generator.standard_normal((samples, len(centre)))
    drawn = z + centre
    levels = np.array([getattr(model, name) for name in programming.SIGMAS[:-1]])
    width = programming.widths(model, lambda name: drawn[:, -1], state)
    deviation = model.radial * site + drawn[:, :4] @ levels
    deviation += programming.pulse(model, drawn[:, 4], width)
    weight = np.exp(-z @ centre - centre @ centre / 2)
    g = programming.conductance(model, deviation)
    wrong = g < reference if state == "LRS" else g > reference
    counted = np.where(wrong, weight, 0.0)
    return float(counted.mean()), float(counted.std(ddof=1) / math.sqrt(samples))


def _design_point(model: Programming, reference: float) -> NDArray[np.float64]:
    """Most likely deviates at the reference: four levels, the pulse and the width of the cell."""
    limit, tau = float(programming.deviation_at(model, reference)), model.sigma_spread
    levels = np.array([getattr(model, name) for name in programming.SIGMAS[:-1]])
    fixed = levels / model.sigma_fixed**2 if model.sigma_fixed else levels

    def at(part: float, z: float) -> NDArray[np.float64]:
        """Deviates of which the levels give a part of the limit, the pulse the rest."""
        u = 0.0
        if model.sigma_cycle:
            rest = np.array(limit * (1 - part))
            u = float(programming.pulse_deviate(model, rest, math.exp(tau * z - tau**2)))
        return np.array([*(part * limit * fixed), u, z])

    parts = (
        np.linspace(-0.5, 1.5, 101)
        if model.sigma_cycle and model.sigma_fixed
        else [float(model.sigma_cycle == 0)]
    )
    tried = product(parts, np.linspace(-1, 8, 37) if tau else [0.0])
    return min((at(*pair) for pair in tried), key=lambda point: float(point @ point))


def _axis(technology: Technology, name: str, values: Condition) -> NDArray[np.float64]:
    listed = [values] if isinstance(values, (str, int, float)) else list(values)
    if not listed:
        raise InputError(f"{name}: got no value, expected one or more")
    return np.array([programming.condition(technology, name, value) for value in listed])


def _at_point(
    card: Technology, reference: float | None, verify: Verify | None, time: float
) -> dict[str, float | list[float]]:
    models = {state: Programming.from_technology(card, state) for state in STATES}
    errors = _errors(card, models, verify, time)
    if reference is None:
        reference = _least_errors(models, errors)
    rates = errors(reference)
    out: dict[str, float | list[float]] = {
        "lrs": 1.0 / models["LRS"].resistance,
        "hrs": 1.0 / models["HRS"].resistance,
        "window": math.log10(models["HRS"].resistance / models["LRS"].resistance),
        "reference": reference,
        "error_rate": list(rates),
        "bit_error_rate": (rates[0] + rates[1]) / 2,
        "sigmas": float(-ndtri(max(rates))),
    }
    if any(model.smallest_probability for model in models.values()):
        ends = [
            _errors(card, _with_tails(card, models, z), verify, time)(reference)
            for z in (-_Z90, _Z90)
        ]
        out["error_rate_low"], out["error_rate_high"] = map(list, ends)
        smallest = [model.smallest_probability for model in models.values()]
        out["extrapolated"] = [p < end for p, end in zip(rates, smallest, strict=True)]
    if verify is not None:
        effort = [
            verifying.outcome(
                verify,
                state,
                model,
                _relaxation(card, state, verify.wait),
                _radial_offsets(card, model),
            )
            for state, model in models.items()
        ]
        out["pulses"] = [found.pulses for found in effort]
        out["failed_to_verify"] = [found.failed_to_verify for found in effort]
    return out


def _with_tails(
    card: Technology, models: dict[str, Programming], z: float
) -> dict[str, Programming]:
    """Models whose tails beyond the data are stretched as their uncertainty at score z says."""
    scale = {
        state: card.parameters[name].at(z)
        for state in models
        if (name := f"programming.{state}.tail_scale") in card
    }
    return {
        state: replace(model, tail_scale=scale.get(state, model.tail_scale))
        for state, model in models.items()
    }


def _errors(
    card: Technology, models: dict[str, Programming], verify: Verify | None, time: float
) -> Errors:
    """Closed form of the two error rates as a function of the reference."""
    if verify is None and time == 0:
        site, count = np.unique(radial_positions(card).round(9), return_counts=True)
        weight = count / count.sum()

        def natural(reference: float) -> tuple[float, float]:
            lrs, hrs = (
                programming.score_of(
                    model, programming.deviation_at(model, reference) - model.radial * site
                )
                for model in models.values()
            )
            return float(weight @ ndtr(-lrs)), float(weight @ ndtr(hrs))

        return natural
    # one pulse is a verify that gives up after the first
    algorithm = verify or Verify(1.0, 1.0, attempts=1)
    relaxation = {state: _relaxation(card, state, max(algorithm.wait, time)) for state in STATES}

    def relaxed(reference: float) -> tuple[float, float]:
        lrs, hrs = (
            verifying.probability_wrong(
                algorithm,
                state,
                model,
                reference,
                relaxation[state],
                time,
                _radial_offsets(card, model),
            )
            for state, model in models.items()
        )
        return float(lrs), float(hrs)

    return relaxed


def _relaxation(card: Technology, state: str, time: float) -> Relaxation | None:
    return Relaxation.from_technology(card, state) if time > 0 else None


def _radial_offsets(card: Technology, model: Programming) -> NDArray[np.float64]:
    """Radial deviations of eight groups of dies, equal in number."""
    groups = np.array_split(np.sort(radial_positions(card)), 8)
    return model.radial * np.array([group.mean() for group in groups])


def _least_errors(models: dict[str, Programming], errors: Errors) -> float:
    low, high = sorted(-math.log(model.resistance) for model in models.values())
    if models["LRS"].resistance >= models["HRS"].resistance:
        return math.exp((low + high) / 2)  # no window: any reference is as bad
    found = scipy.optimize.minimize_scalar(
        lambda x: math.log(max(sum(errors(math.exp(x))), 1e-300)),
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return math.exp(found.x)


def _defect_error_rate(technology: Technology) -> float:
    """Bit-error rate of stuck and unformed cells: the other state's value, or none."""
    if "defects.unformed" not in technology:
        return 0.0
    names = ("unformed", "stuck_lrs", "stuck_hrs")
    return sum(technology[f"defects.{name}"] for name in names) / 2


_DESCRIPTIONS = {
    "lrs": ("S", "median conductance of the LRS"),
    "hrs": ("S", "median conductance of the HRS"),
    "window": ("decade", "HRS over LRS resistance, medians"),
    "reference": ("S", "reference conductance"),
    "error_rate": ("1", "fraction of cells of a state read as the other"),
    "bit_error_rate": ("1", "bit-error rate"),
    "error_rate_low": ("1", "lower end of the 90 % interval of the tail"),
    "error_rate_high": ("1", "upper end of the 90 % interval of the tail"),
    "extrapolated": ("1", "below the smallest probability that the data support"),
    "sigmas": ("1", "standard normal deviate of the worse state at the reference"),
    "pulses": ("1", "mean number of pulses"),
    "failed_to_verify": ("1", "fraction of cells that fail to verify"),
}


def _variable(
    name: str, values: list, dims: tuple[str, ...], shape: tuple[int, ...]
) -> tuple[tuple[str, ...], NDArray[np.float64], dict[str, str]]:
    unit, text = _DESCRIPTIONS[name]
    array = np.array(values, dtype=bool if name == "extrapolated" else float)
    own = ("state",) if array.ndim == 2 else ()
    return (
        (*dims, *own),
        array.reshape((*shape, *array.shape[1:])),
        {"units": unit, "long_name": text},
    )
