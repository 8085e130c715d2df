"""Tables of a conditioned card: its observations, and each parameter before and after."""

import math

from scipy.special import expit, ndtri

from reliability.conditioning import Conditioned, ObservationCheck
from reliability.report.page import Table
from reliability.technology import Observation, Parameter, Technology
from reliability.units import engineering

_INTERVAL = float(ndtri(0.95))  # normal score of the end of a 90 % interval


def observation_table(found: Conditioned) -> Table:
    """Return the observations with what the posterior predicts of each."""
    return Table(
        "observations", "Observations",
        "The predictive probability says how probable what was observed, or something further off, "
        "is under the prior and under the posterior card; the gain is the fraction of the prior "
        "variance of a parameter that the observation alone removes.",
        ["observation", "transfer", "predicted, 90 % interval", "prior predictive probability",
         "posterior predictive probability", "parameters narrowed"],
        [_row(check) for check in found.checks],
    )  # fmt: skip


def observed_tables(technology: Technology, suffix: str) -> list[Table]:
    """Return the observations that the parameters of a card are conditioned on, if there are any.

    Parameters
    ----------
    technology : Technology
    suffix : str
        Of the table's anchor, where a page has several cards.
    """
    rows = [
        [o.label.replace("_", " "), o.source, f"× ÷ {o.transfer:g}"]
        for o in technology.observations
        if o.used
    ]
    table = Table(
        f"observed{suffix}", "Observations that the parameters are conditioned on",
        "The transfer is the factor by which what was observed may differ from this technology.",
        ["observation", "source", "transfer"], rows,
    )  # fmt: skip
    return [table] if rows else []


def _row(check: ObservationCheck) -> list[str]:
    o = check.observation
    low, middle, high = (_predicted(o, x) for x in check.predicted)
    narrowed = ", ".join(f"{key} {100 * part:.0f} %" for key, part in check.narrowed.items())
    return [
        o.label, f"× ÷ {o.transfer:g}", f"{middle} ({low} to {high})",
        f"{check.prior:.2g}", f"{check.posterior:.2g}", narrowed or "none by 5 % or more",
    ]  # fmt: skip


def _predicted(observation: Observation, x: float) -> str:
    kind = observation.kind
    if "fraction" in observation.values:
        return f"{math.exp(x):.2g}"
    if kind == "accuracy":
        return f"{100 * float(expit(x)):.1f} %"
    if kind == "window":
        return f"{x:.2f} decades"
    if kind in ("quantile", "median"):
        return engineering(math.exp(x), "ohm")
    return f"{x:.2g}"


def parameter_table(found: Conditioned) -> Table:
    """Return the parameters that changed, prior against posterior."""
    prior, after = found.prior.parameters, found.technology.parameters
    return Table(
        "posterior", "Prior and posterior",
        "Median and 90 % interval of each parameter whose distribution the observations changed.",
        ["parameter", "prior", "posterior"],
        [[key, interval(prior[key]), interval(after[key])] for key in found.parameters],
    )  # fmt: skip


def interval(p: Parameter) -> str:
    """Return the median and the 90 % interval of a parameter as text."""
    middle, low, high = (engineering(p.at(z), p.unit) for z in (0.0, -_INTERVAL, _INTERVAL))
    return f"{middle} ({low} to {high})"
