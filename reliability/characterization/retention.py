"""Retention of two states from bakes: `reliability.devices.retention`.

Each state has parameters of its own. Its kinetic form is chosen by the log score of held-out cells:
half of the cells are fitted with each form, the other half are scored. Whether ln tau goes
as 1/T (Arrhenius) or as T (T-model) is judged in the same way; where the scores do not decide, the
card's ``arrhenius_weight`` spans both. By how much the parameters of the other candidates differ,
weighted by their scores, adds to the variance of the estimates.
"""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtr

from reliability.characterization.estimates import (
    Array,
    Estimate,
    Fit,
    exact,
    fitted_by,
    from_covariance,
)
from reliability.characterization.loss import FORMS, LEAST, Stressed, log_likelihood, maximise
from reliability.characterization.read_table import Reads
from reliability.technology import STATES, Correlation, Parameter
from reliability.units import BOLTZMANN

_FEWEST = 20  # cells of a state at a temperature
_MOST = 500  # runs of a state that are looked at
_HALF = 150  # runs that a candidate is fitted on, and as many that it is scored on
_TEMPERATURES = 2
_CLEARLY = 4.0  # of log-likelihood, by which a loss is better than none
_UNDECIDED = 0.02  # weight of the scores from which on a candidate may hold


class _Found(NamedTuple):
    """Estimates of one state: ln of the end and of its spread, ln tau, Ea, ln sigma_Ea, ln shape.

    ``weight`` is that of the Arrhenius law by the held-out scores, ``notes`` say how the form was
    chosen.
    """

    form: str
    weight: float
    estimates: Array
    covariance: Array
    notes: tuple[str, ...]


def can_fit(one: Reads) -> bool:
    """Return whether a file has baked cells of both states at several temperatures."""
    table = _table(one)
    hot = table.groupby("state")["temperature"].nunique()
    return all(hot.get(state, 0) >= _TEMPERATURES for state in STATES)


def fit_retention(one: Reads) -> Fit:
    """Fit the section ``retention``: each state with its own end, barrier and kinetic form.

    Parameters
    ----------
    one : Reads
    """
    table = _table(one)
    reference = float(np.sort(table["temperature"].unique())[table["temperature"].nunique() // 2])
    middles = [-math.log(table[table["state"] == s]["first"].median()) for s in STATES]
    ends = (min(middles) - 0.5, max(middles) + 0.5)
    parameters: dict[str, Parameter] = {}
    models, valid = {}, {}
    not_identifiable: list[str] = []
    groups = []
    hot = (float(table["temperature"].min()), float(table["temperature"].max()))
    for state in STATES:
        section, own = f"retention.{state}", table[table["state"] == state]
        found = _fit_state(own, reference, ends)
        if found is None:
            most = own["time"].max() / 3600
            most_hot = hot[1] - 273.15
            not_identifiable.append(f"{section}: no loss within {most:.3g} h at {most_hot:.0f} °C")
            continue
        fitted, group = _on_card(section, found, ends, one.source)
        groups.append(group)
        parameters |= fitted
        key = f"{section}.reference_temperature"
        parameters[key] = exact(key, reference, one.source, "the middle one of the bakes")
        models[section] = found.form
        valid[f"{section}.temperature"] = hot
        valid[f"{section}.time"] = (0.0, float(table["time"].max()))
        not_identifiable += [f"{section}: {note}" for note in found.notes]
        not_identifiable += [
            f"retention: {name}, whose likelihood has no maximum in its range"
            for name, parameter in fitted.items()
            if parameter.sigma == 0
        ]
        if own["run"].nunique() >= _MOST:
            not_identifiable.append(f"{section}: looked at {_MOST} runs only")
    not_identifiable.append(
        f"retention: below {hot[0] - 273.15:.0f} °C, where another barrier may count"
    )
    return Fit(
        "retention", parameters, _joined(groups), models, valid, tuple(not_identifiable),
        replaces=tuple(f"{section}.*" for section in models),
    )  # fmt: skip


def _fit_state(table: pd.DataFrame, reference: float, ends: tuple[float, float]) -> _Found | None:
    """Choose the kinetic form and the temperature model of a state on half of its cells.

    None where a state that keeps its conductance is as likely.
    """
    runs = table["run"].unique()
    runs = runs[np.linspace(0, len(runs) - 1, min(len(runs), _MOST)).astype(int)]
    fit_on, score_on = (runs[k::2][:: max(len(runs) // (2 * _HALF), 1)] for k in (0, 1))

    def candidate(form: str, weight: float, start: Array | None = None) -> tuple[Array, Array]:
        x, _ = _maximum(_stressed(table, fit_on, reference, weight), form, ends, start)
        return x, _likelihood(_stressed(table, score_on, reference, weight), x, form)

    tried: dict[str, tuple[Array, Array]] = {}
    for form in FORMS:
        tried[form] = candidate(form, 1.0)
    weights = _weights([score for _, score in tried.values()])
    form = FORMS[int(np.argmax(weights))]
    chosen, score = tried[form]
    if score.sum() < _kept(_stressed(table, score_on, reference, 1.0), ends).sum() + _CLEARLY:
        return None
    t_model, t_score = candidate(form, 0.0, chosen)
    arrhenius, other = _weights([score, t_score])
    law = float(arrhenius >= other)
    start = chosen if law else t_model
    x, covariance = _maximum(_stressed(table, runs, reference, law), form, ends, start)
    same = {name for name in FORMS if name != "log_time_loss"}
    for name, weight in zip(FORMS, weights, strict=True):
        off = tried[name][0] - chosen
        # times and shapes of a drift in log time mean something else
        alike = name in same and form in same
        covariance += weight * _outer(off if alike else np.where(_BARRIER, off, 0.0), covariance)
    covariance += min(arrhenius, other) * _outer(t_model - chosen, covariance)
    others = [n for n, w in zip(FORMS, weights, strict=True) if n != form and w > _UNDECIDED]
    notes = []
    if others:
        notes.append(f"whether {form} or {' or '.join(others)} holds; the intervals carry both")
    if min(arrhenius, other) > _UNDECIDED:
        notes.append("whether the Arrhenius law or the T-model holds; the intervals span both")
    return _Found(form, float(arrhenius), x, covariance, tuple(notes))


_BARRIER = np.array([False, False, False, True, True, False, False])


def _outer(off: Array, covariance: Array) -> Array:
    """Square of a difference between candidates, without parameters that are not identified."""
    off = np.where(np.diag(covariance) > 0, off, 0.0)
    return np.outer(off, off)


def _weights(scores: list[Array]) -> Array:
    """Weights of candidates by their log scores of the same cells.

    The best has 1, another one twice the probability that its mean score is no lower than the best
    one's, given how the difference scatters over the cells; then all over their sum.
    """
    best = scores[int(np.argmax([score.sum() for score in scores]))]
    weights = []
    for score in scores:
        off = score - best
        error = max(float(np.std(off)) * math.sqrt(len(off)), 1e-12)
        weights.append(2 * float(ndtr(off.sum() / error)))
    return np.array(weights) / sum(weights)


def _maximum(
    data: Stressed, form: str, ends: tuple[float, float], start: Array | None
) -> tuple[Array, Array]:
    """Estimates (see `_Found`, then ln of the error of ln G) and their covariance."""
    tau = math.log(np.median(data.stress))
    shape, widest = (math.log(0.05), 0.5) if form == "log_time_loss" else (-0.1, 1.0)
    if start is None:
        start = np.array([np.mean(ends), math.log(0.3), tau, 1.2, math.log(0.05), shape,
                          math.log(0.1)])  # fmt: skip
    bounds = [ends, (math.log(0.01), math.log(3)), (-20.0, 60.0), (0.1, 4.0),
              (math.log(1e-3), math.log(0.5)), (-6.0 if widest < 1 else -1.8, widest),
              (math.log(_ERROR), 0.7)]  # fmt: skip
    return maximise(lambda x: -_likelihood(data, x, form), start, bounds)


def _kept(data: Stressed, ends: tuple[float, float]) -> Array:
    """Log-likelihood of each cell if nothing is lost."""
    variance = float(np.var(np.log(data.conductance / data.first))) - LEAST**2
    error = 0.5 * math.log(max(variance, _ERROR**2))
    x = np.array([np.mean(ends), math.log(0.01), 60.0, 0.1, math.log(1e-3), 0.0, error])
    return _likelihood(data, x, FORMS[0])


def _likelihood(data: Stressed, x: Array, form: str) -> Array:
    return log_likelihood(data, x[2:], float(x[0]), math.exp(x[1]), form)


def _on_card(
    section: str, found: _Found, ends: tuple[float, float], source: str
) -> tuple[dict[str, Parameter], Correlation | None]:
    names = [
        Estimate(f"{section}.asymptotic_resistance", "lognormal",
                 valid=(0.99 * math.exp(ends[0]), 1.01 * math.exp(ends[1]))),
        Estimate(f"{section}.sigma_asymptotic", "lognormal"),
        Estimate(f"{section}.time_constant", "lognormal"),
        Estimate(f"{section}.activation_energy", valid=(0.0, 5.0)),
        Estimate(f"{section}.sigma_activation_energy", "lognormal"),
        Estimate(f"{section}.shape", "lognormal"),
    ]  # fmt: skip
    n = len(names)
    parameters, correlation = from_covariance(
        names, found.estimates[:n], found.covariance[:n, :n], source
    )
    key, law = f"{section}.arrhenius_weight", float(found.weight >= 0.5)
    open_ = _UNDECIDED < found.weight < 1 - _UNDECIDED
    parameters[key] = Parameter(
        value=law, distribution="uniform" if open_ else "exact",
        interval=(0.0, 1.0) if open_ else None, source=fitted_by(source), confidence="fitted",
        note=f"1 Arrhenius, 0 T-model; weight of Arrhenius by held-out cells {found.weight:.2g}",
    )  # fmt: skip
    return parameters, correlation


def _joined(groups: list[Correlation | None]) -> Correlation | None:
    """One group of both states, which were estimated independently of one another."""
    there = [group for group in groups if group is not None]
    if len(there) < len(STATES):
        return there[0] if there else None
    names = [name for group in there for name in group.parameters]
    matrix = np.zeros((len(names), len(names)))
    at = 0
    for group in there:
        n = len(group.parameters)
        matrix[at : at + n, at : at + n] = group.matrix
        at += n
    return Correlation(parameters=tuple(names), matrix=tuple(tuple(row) for row in matrix.tolist()))


_ERROR = 0.005


def _table(one: Reads) -> pd.DataFrame:
    table = one.table
    use = table["state"].isin(STATES) & (table["time"] > 0) & (table["first"] > 0)
    table = table[use & (table["conductance"] > 0) & table["temperature"].notna()]
    table = table[table["reads"].isna() | (table["reads"] == 0)]
    size = table.groupby(["state", "temperature"])["cell"].transform("nunique")
    return table[size >= _FEWEST]


def _stressed(table: pd.DataFrame, runs: Array, reference: float, weight: float) -> Stressed:
    """Reads of some runs; a run stands for a cell."""
    table = table[table["run"].isin(runs)].sort_values("run", kind="stable")
    t = table["temperature"].to_numpy()
    reach = weight * (1 / t - 1 / reference) + (1 - weight) * (reference - t) / reference**2
    return Stressed(
        table["run"].factorize()[0], table["first"].to_numpy(), table["conductance"].to_numpy(),
        table["time"].to_numpy(), np.column_stack([np.ones(len(t)), reach / BOLTZMANN]),
        1 / (BOLTZMANN * t),
    )  # fmt: skip
