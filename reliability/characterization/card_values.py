"""Fitted values as a card states them: rounded to their uncertainty, flagged outside physics."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from reliability.characterization.estimates import Fit
from reliability.characterization.read_table import Reads
from reliability.technology.card import Parameter

# Where values of solids and of memory cells lie; a fit outside them is an effective number.
_FACTOR = 2.3  # sigma of a logarithm: a factor of 10
_PHYSICAL = (
    ("*.attempt_time", 1e-15, 1e-9, "s", "the inverse of a phonon frequency is about 1e-13 s"),
    ("*.activation_energy", 0.05, 4.0, "eV", "barriers of ions in oxides are 0.1 to 3 eV"),
    ("endurance.shape", 0.2, 20.0, "", "Weibull shapes of wear-out are 0.5 to 10"),
    ("*.resistance", 10.0, 1e12, "ohm", "filaments have more, open cells less"),
)  # fmt: skip


def with_defaults(fit: Fit, reads: Sequence[Reads]) -> Fit:
    """Call a reference temperature assumed, not measured, where no file states a temperature."""
    if any(one.table["temperature"].notna().any() for one in reads):
        return fit
    room = "assumed: room temperature; the files state no temperature"
    changed = {
        name: parameter.model_copy(update={"source": room, "confidence": "assumed"})
        for name, parameter in fit.parameters.items()
        if name.endswith("reference_temperature") and parameter.confidence == "measured"
    }
    return replace(fit, parameters=fit.parameters | changed) if changed else fit


def rounded(parameter: Parameter) -> Parameter:
    """Round a fitted value to two digits of its uncertainty.

    Examples
    --------
    >>> fitted = Parameter(value=1.283456, unit="eV", distribution="normal", sigma=0.03421,
    ...                    source="bakes of lot 7", confidence="fitted")
    >>> rounded(fitted).value, rounded(fitted).sigma
    (1.283, 0.034)
    """
    sigma = parameter.sigma
    if parameter.confidence != "fitted" or not sigma or not math.isfinite(sigma):
        return parameter
    spread = sigma * abs(parameter.value) if parameter.distribution == "lognormal" else sigma
    digits = 1 - math.floor(math.log10(spread)) if spread > 0 else 15
    value = float(f"{parameter.value:.2g}")
    if parameter.value:  # two digits at least, so that nothing becomes zero
        least = 1 - math.floor(math.log10(abs(parameter.value)))
        value = round(parameter.value, max(digits, least))
    value = float(f"{value:.12g}")
    if parameter.valid is not None and not parameter.valid[0] <= value <= parameter.valid[1]:
        value = parameter.value
    return parameter.model_copy(update={"value": value, "sigma": float(f"{sigma:.2g}")})


def outside_physics(parameters: Iterable[tuple[str, Parameter]]) -> list[str]:
    """Return a sentence for each fitted value that no physical process has, or that is not known.

    Parameters
    ----------
    parameters : iterable of (str, Parameter)

    Examples
    --------
    >>> fitted = Parameter(value=1e-17, unit="s", distribution="lognormal", sigma=3.0,
    ...                    source="reads of lot 7", confidence="fitted")
    >>> found = outside_physics([("relaxation.target.attempt_time", fitted)])
    >>> found[0].split(":")[0]
    'relaxation.target.attempt_time = 1e-17 s is outside 1e-15 to 1e-09 s'
    >>> found[1]
    'known to no better than a factor of 10: relaxation.target.attempt_time'
    """
    found, unknown = [], []
    for name, parameter in parameters:
        wide = parameter.distribution == "lognormal" and (parameter.sigma or 0.0) > _FACTOR
        if wide and parameter.confidence == "fitted":
            unknown.append(name)
        for pattern, low, high, unit, why in _PHYSICAL:
            if parameter.confidence != "fitted" or not fnmatchcase(name, pattern):
                continue
            if not low <= parameter.value <= high:
                found.append(
                    f"{name} = {parameter.value:.3g} {unit} is outside {low:g} to {high:g} {unit}: "
                    f"{why}; it describes the data and does not extrapolate"
                )
    if unknown:
        found.append(f"known to no better than a factor of 10: {', '.join(unknown)}")
    return found
