"""A card conditioned on observations: the prior card and the data together, as one card.

Every uncertain parameter of a card has a standard normal score (`Parameter.at`). The posterior of
the scores that the observations bear on is sampled (`conditioning.adaptive_sampling`) and written
into the card in its normal form: values, spreads and a ``[correlation]`` group, with draws of the
posterior where it is not normal. Observations with
closed forms come first; those that take simulations update the card that these leave.
"""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from reliability.conditioning.adaptive_sampling import Posterior, sample_posterior
from reliability.conditioning.evidence import Evidence
from reliability.conditioning.predictions import check_conditions, is_simulated, predict_all
from reliability.errors import InputError, RunError, whole_number
from reliability.progress import tracked
from reliability.random import stream
from reliability.technology import (
    Correlation,
    Observation,
    Parameter,
    Technology,
    expect_technology,
    observations_of,
)

Array = NDArray[np.float64]
_CONTRADICTION = 1e-3  # predictive probability below which conditioning refuses
_CLOSE = 20  # draws of the prior that an observation leaves, to say what it makes of another
_ENOUGH = 0.05  # predictive probability of one of a pair given the other that reconciles them
_FIRST, _SIZE, _EFFECTIVE = 600, 300, 300.0  # draws of the prior, of each proposal, and effective
_FIRST_SIMULATED, _SIZE_SIMULATED, _EFFECTIVE_SIMULATED = 300, 120, 150.0
_CHECKED, _CHECKED_SIMULATED = 120, 60  # draws of the posterior card that are checked
_PROBE = 1.5  # normal scores at which it is tried what a parameter changes
_FAINT = 1e-3  # of the strongest direction that the observations inform: others are left out
_CHANGED = 1e-6  # relative change of a prediction that counts
_FITTED = 0.7  # of the prior spread: what the data leave wider keeps the confidence of the prior
_MOVED = 0.02  # change of a mean, sigma or correlation of scores that is written down
_DIGITS = 6  # of a posterior value
_EDGE = 1e-6  # of an interval, which a bounded value stays inside of
_POOR = 0.05  # effective fraction of a normal form that is worth a warning
_NORMAL = 0.5  # effective fraction of a normal form that stands for the posterior without draws


@dataclass(frozen=True)
class ObservationCheck:
    """How an observation fits.

    Attributes
    ----------
    observation : Observation
    prior, posterior : float
        Two-sided predictive probability of what was observed, before and after.
    predicted : (float, float, float)
        5, 50 and 95 % quantiles of the posterior's prediction: of the probability, or the value.
    narrowed : dict of str to float
        Fraction of the prior variance of a parameter's score that this observation alone removes
        (linear estimate), where it is 5 % or more.
    """

    observation: Observation
    prior: float
    posterior: float
    predicted: tuple[float, float, float]
    narrowed: dict[str, float]


@dataclass(frozen=True)
class Conditioned:
    """A posterior card with its diagnostics.

    Attributes
    ----------
    technology, prior : Technology
    checks : tuple of ObservationCheck
    parameters : tuple of str
        Those whose distribution changed.
    samplings : tuple of Posterior
        One for the closed forms, one for the simulations, as far as there are observations.
    """

    technology: Technology
    prior: Technology
    checks: tuple[ObservationCheck, ...]
    parameters: tuple[str, ...]
    samplings: tuple[Posterior, ...]

    @property
    def warnings(self) -> list[str]:
        """Sentences on what of the sampling is poor."""
        return [
            f"the posterior is far from normal (effective fraction {s.normal_form:.2g}): intervals "
            "of single parameters are approximate"
            for s in self.samplings
            if s.normal_form < _POOR
        ]


def condition(
    technology: Technology,
    observations: Sequence[Observation | Mapping[str, Any]] | None = None,
    *,
    seed: int = 0,
) -> Technology:
    """Condition a card on observations.

    Parameters
    ----------
    technology : Technology
        The prior.
    observations : sequence of mappings or Observation, optional
        Tables with the keys of `reliability.technology.observed.KINDS`, quantities as numbers
        in SI or as texts with a unit; by default the observations of the card that its parameters
        are not conditioned on yet.
    seed : int
        Of the sampling; equal seeds give equal cards.

    Returns
    -------
    Technology
        The posterior: changed values and spreads, the group ``observations`` of their
        correlations, and the observations marked as used.

    Raises
    ------
    InputError
        No observation or one that cannot be, conditions outside the valid range of a model, or
        observations that contradict the card or one another.

    Warns
    -----
    UserWarning
        A posterior that a normal form describes poorly.

    Examples
    --------
    >>> import reliability as rel
    >>> card = rel.load_technology("oxram-130nm")
    >>> seen = [{"kind": "median", "state": "LRS", "resistance": "5 kohm", "error": 0.02,
    ...          "source": "lot 7"}]
    >>> narrow = condition(card, seen, seed=1)
    >>> bool(abs(narrow["programming.LRS.resistance"] - 5000) < 150)
    True
    """
    found = posterior(technology, observations, seed=seed)
    for note in found.warnings:
        warnings.warn(note, stacklevel=2)
    return found.technology


def posterior(
    technology: Technology,
    observations: Sequence[Observation | Mapping[str, Any]] | None = None,
    *,
    seed: int = 0,
) -> Conditioned:
    """Condition a card (see `condition`) and return it with the diagnostics."""
    expect_technology(technology)
    whole_number(seed, "seed")
    cited = technology.observations
    if observations is None:
        asked = tuple(o for o in cited if not o.used)
        kept = tuple(o for o in cited if o.used)
    else:
        asked, kept = observations_of(observations), cited
    if not asked:
        used = cited and observations is None
        known = f"; the {len(cited)} of {technology.name} are in its parameters" if used else ""
        raise InputError(f"observations: got none, expected one or more{known}")
    for k, o in enumerate(asked, 1):
        check_conditions(technology, o, f"observation {k} ({o.kind})")
    card, samplings = technology, []
    before: dict[int, _Before] = {}
    relevant: list[str] = []
    for simulated in (False, True):
        chosen = [o for o in asked if is_simulated(o) == simulated]
        if chosen:
            generator = stream(seed, "condition", int(simulated))
            names = _relevant(card, chosen, generator)
            card, sampling, of_step = _step(card, chosen, names, simulated, generator)
            samplings.append(sampling)
            before |= {id(o): b for o, b in zip(chosen, of_step, strict=True)}
            relevant += [name for name in names if name not in relevant]
    used = tuple(o.model_copy(update={"used": True}) for o in asked)
    card = replace(card, observations=kept + used)
    checks = _checks(card, asked, relevant, before, stream(seed, "condition.check"))
    changed = tuple(
        key for key, p in card.parameters.items() if p != technology.parameters[key]
    )  # fmt: skip
    return Conditioned(card, technology, checks, changed, tuple(samplings))


def predictive(
    technology: Technology, observations: Sequence[Observation], *, draws: int = 200, seed: int = 0
) -> Array:
    """Return the two-sided predictive probability of each observation under a card.

    Parameters
    ----------
    technology : Technology
        Its parameters are sampled from their uncertainty.
    observations : sequence of Observation
    draws, seed : int

    Returns
    -------
    ndarray, shape (observations,)
    """
    table = _predictions([technology.drawn(seed, k) for k in range(draws)], observations)
    return np.array([Evidence.of(o).predictive(*table[:, k].T) for k, o in enumerate(observations)])


def _predictions(cards: Sequence[Technology], observations: Sequence[Observation]) -> Array:
    """Location and spread, shape (cards, observations, 2)."""
    of_condition: dict[str, int] = {}  # counts of many chips under one condition: one prediction
    first: list[Observation] = []
    place = []
    for o in observations:
        asked = {k: v for k, v in o.values.items() if k not in ("wrong", "failed", "cells")}
        key = f"{o.kind} {sorted(asked.items())}"
        if key not in of_condition:
            of_condition[key] = len(first)
            first.append(o)
        place.append(of_condition[key])
    each = tracked(cards, "sampled cards", len(cards))
    return np.array([predict_all(card, first) for card in each], float)[:, place]


# --- one step: prior card to posterior card


@dataclass(frozen=True)
class _Before:
    """What the prior says of an observation."""

    probability: float
    narrowed: dict[str, float]


def _step(
    card: Technology,
    observations: list[Observation],
    names: list[str],
    simulated: bool,
    generator: np.random.Generator,
) -> tuple[Technology, Posterior, list[_Before]]:
    if not names:
        raise InputError(
            f"observations: no uncertain parameter of {card.name} bears on {observations[0].label}"
        )
    root = _root(card, names)
    first = generator.standard_normal((_FIRST_SIMULATED if simulated else _FIRST, len(names)))
    evidence = [Evidence.of(o) for o in observations]

    def table(points: Array) -> Array:
        return _predictions([at_scores(card, names, x) for x in points @ root.T], observations)

    known = table(first)
    before = [
        _Before(e.predictive(*known[:, k].T), _narrowed(names, first @ root.T, known[:, k, 0], e))
        for k, e in enumerate(evidence)
    ]
    for k, (o, e) in enumerate(zip(observations, evidence, strict=True)):
        if before[k].probability < _CONTRADICTION:
            needed = e.needed_transfer(known[:, k, 0], known[:, k, 1], 2 * _CONTRADICTION)
            raise InputError(
                f"{o.label} contradicts the card {card.name}: predictive probability "
                f"{before[k].probability:.1g}, allowed {_CONTRADICTION:g} or more; "
                f"{_reconciled(needed, '')}"
            )

    def log_likelihood(points: Array) -> Array:
        of_points = known if points is first else table(points)
        return sum(
            (e.log_likelihood(*of_points[:, k].T) for k, e in enumerate(evidence)),
            np.zeros(len(points)),
        )

    try:
        found = sample_posterior(
            log_likelihood, len(names), generator, first=first,
            directions=_informed(first, known, evidence),
            size=_SIZE_SIMULATED if simulated else _SIZE,
            effective=_EFFECTIVE_SIMULATED if simulated else _EFFECTIVE,
        )  # fmt: skip
    except RunError:
        _refuse_pair(observations, evidence, known)
        raise
    _refuse_contradictions(observations, evidence, known, table, found)
    return _updated(card, names, found, root, observations), found, before


def _informed(points: Array, known: Array, evidence: list[Evidence]) -> Array:
    """Orthonormal directions of the scores that predictions depend on, by linear regression."""
    y = np.column_stack(
        [np.log(known[:, k, 0]) if e.counts else known[:, k, 0] for k, e in enumerate(evidence)]
    )
    design = np.column_stack([np.ones(len(points)), points])
    slopes = np.linalg.lstsq(design, y, rcond=None)[0][1:]
    u, s, _ = np.linalg.svd(slopes, full_matrices=False)
    return np.asarray(u[:, s > _FAINT * s.max()])


def _refuse_contradictions(
    observations: list[Observation],
    evidence: list[Evidence],
    known: Array,
    table: Callable[[Array], Array],
    found: Posterior,
) -> None:
    """Refuse observations that the posterior of all cannot have made, and name the pair."""
    after = table(found.sample[:: len(found.sample) // _CHECKED_SIMULATED])
    probability = [e.predictive(*after[:, k].T) for k, e in enumerate(evidence)]
    worst = int(np.argmin(probability))
    if probability[worst] >= _CONTRADICTION:
        return
    others = [k for k in range(len(observations)) if k != worst]
    shift = [
        abs(_correlation(known[:, worst, 0], known[:, k, 0])) * _distance(evidence[k], after[:, k])
        for k in others
    ]
    if not others:
        pair, two = "the card", [worst]
    else:
        other = others[int(np.argmax(shift))]
        pair, two = observations[other].label, [worst, other]
    needed = max(evidence[k].needed_transfer(after[:, k, 0], after[:, k, 1], 0.01) for k in two)
    raise InputError(
        f"{observations[worst].label} and {pair} contradict each other: predictive probability "
        f"{probability[worst]:.1g} of the first given all, allowed {_CONTRADICTION:g} or more; "
        f"{_reconciled(needed, ' on each')}"
    )


def _refuse_pair(observations: list[Observation], evidence: list[Evidence], known: Array) -> None:
    """Refuse the two observations that contradict each other most, by draws of the prior."""

    def given(a: int, b: int, extra: float) -> float:
        """Predictive probability of one observation given another, both with more transfer."""
        first, second = (
            replace(evidence[k], transfer=math.hypot(evidence[k].transfer, extra)) for k in (a, b)
        )
        likelihood = second.log_likelihood(*known[:, b].T)
        kept = known[np.argsort(-likelihood)[:_CLOSE], a]
        return first.predictive(*kept.T)

    pairs = [(a, b) for a in range(len(evidence)) for b in range(len(evidence)) if a != b]
    if not pairs:
        return
    a, b = min(pairs, key=lambda pair: given(pair[0], pair[1], 0.0))
    probability = given(a, b, 0.0)
    if probability >= _CONTRADICTION:
        return
    tried = np.geomspace(math.log(1.1), math.log(1e3), 40)
    needed = next((math.exp(x) for x in tried if given(a, b, x) >= _ENOUGH), math.inf)
    raise InputError(
        f"{observations[a].label} and {observations[b].label} contradict each other: predictive "
        f"probability {probability:.1g} of the first given the second, allowed "
        f"{_CONTRADICTION:g} or more; {_reconciled(needed, ' on each')}"
    )


def _distance(e: Evidence, predictions: Array) -> float:
    """Distance of an observation from its predictions in its own standard deviations, plus 1."""
    location = predictions[:, 0]
    if e.counts:
        observed = math.log((e.value + 0.5) / (e.error + 1))
        return 1 + abs(observed - float(np.log(location).mean())) / e.noise
    return 1 + abs(e.value - float(location.mean())) / e.noise


def _reconciled(transfer: float, on: str) -> str:
    """Say which transfer would reconcile what contradicts, if one does."""
    if math.isinf(transfer):
        return "no transfer would reconcile them"
    return f"transfer = {_up(transfer):g}{on} would reconcile them"


def _up(transfer: float) -> float:
    """Round a transfer up to two digits."""
    scale = 10 ** (math.floor(math.log10(transfer)) - 1)
    return round(math.ceil(transfer / scale - 1e-9) * scale, 6)


def _correlation(a: Array, b: Array) -> float:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(x: Array) -> Array:
    return np.argsort(np.argsort(x)).astype(float)


def _narrowed(names: list[str], scores: Array, location: Array, e: Evidence) -> dict[str, float]:
    """Fraction of the variance of each score that the observation alone removes, to first order."""
    y = np.log(location) if e.counts else location
    variance = float(y.var())
    if variance == 0:
        return {}
    known = variance / (variance + e.noise**2)
    found = {
        name: known * float(np.corrcoef(scores[:, k], y)[0, 1]) ** 2 for k, name in enumerate(names)
    }
    return {n: f for n, f in sorted(found.items(), key=lambda item: -item[1]) if f >= 0.05}


def _relevant(
    card: Technology, observations: list[Observation], generator: np.random.Generator
) -> list[str]:
    """Uncertain parameters that change a prediction, near the middle of the card."""
    uncertain = card.uncertain
    middle = at_scores(card, uncertain, generator.uniform(-0.5, 0.5, len(uncertain)))
    base = _predictions([middle], observations)[0]
    found = set()
    for key in uncertain:
        (moved,) = _predictions([at_scores(middle, [key], np.array([_PROBE]), card)], observations)
        if (np.abs(moved - base) > _CHANGED * (np.abs(base) + 1e-300)).any():
            found.add(key)
    for block in card.correlation.values():
        if found & set(block.parameters):
            found |= set(block.parameters)
    return [key for key in uncertain if key in found]


def at_scores(
    card: Technology, names: Sequence[str], scores: Array, prior: Technology | None = None
) -> Technology:
    """Return a card with parameters at normal scores, of the distributions of ``prior``."""
    given = (prior or card).parameters
    changed = {
        key: given[key].model_copy(update={"value": given[key].at(float(z))})
        for key, z in zip(names, scores, strict=True)
    }
    return replace(card, parameters=card.parameters | changed)


def _root(card: Technology, names: list[str]) -> Array:
    """Root of the prior correlation matrix of the scores."""
    root = np.eye(len(names))
    for block in card.correlation.values():
        if set(block.parameters) <= set(names):
            at = [names.index(key) for key in block.parameters]
            root[np.ix_(at, at)] = block.root
    return root


# --- the posterior as a card


def _updated(
    card: Technology,
    names: list[str],
    found: Posterior,
    root: Array,
    observations: list[Observation],
) -> Technology:
    """Write a posterior of the scores, whose prior has a correlation with a root, into the card."""
    mean, covariance = root @ found.mean, root @ found.covariance @ root.T
    sd = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(sd, sd)
    grouped = {key for block in card.correlation.values() for key in block.parameters}
    off = np.abs(correlation - np.eye(len(names))).max(axis=1, initial=0.0)
    told = [
        k
        for k, key in enumerate(names)
        if key in grouped or max(abs(mean[k]), abs(sd[k] - 1), off[k]) > _MOVED
    ]
    keys = [names[k] for k in told]
    kinds = ", ".join(dict.fromkeys(o.kind for o in observations))
    changed = {
        key: _moved(card.parameters[key], float(mean[k]), float(sd[k]), kinds)
        for k, key in zip(told, keys, strict=True)
    }
    groups = {
        name: block
        for name, block in card.correlation.items()
        if not set(block.parameters) & set(keys)
    }
    if len(keys) > 1:
        matrix = correlation[np.ix_(told, told)].round(4)
        np.fill_diagonal(matrix, 1.0)
        numbered = (f"observations_{k}" for k in range(2, len(groups) + 3))
        own = next(name for name in chain(["observations"], numbered) if name not in groups)
        draws = (((found.sample @ root.T - mean) / sd)[:, told]).round(2).tolist()
        groups[own] = Correlation(
            parameters=tuple(keys),
            matrix=tuple(tuple(row) for row in matrix.tolist()),
            draws=tuple(map(tuple, draws)) if found.normal_form < _NORMAL else (),
        )
    return replace(card, parameters=card.parameters | changed, correlation=groups)


def _moved(p: Parameter, mean: float, sd: float, kinds: str) -> Parameter:
    """Return a parameter whose score is normal with ``mean`` and ``sd`` instead of 0 and 1."""
    update: dict[str, Any] = {}
    if sd < _FITTED:
        update = {"confidence": "fitted", "source": f"conditioned on {kinds}; prior {p.source}"}
    sigma, width = p.sigma or 0.0, _rounded(sd)
    if p.interval and p.distribution in ("uniform", "bounded"):
        low, high = p.interval
        if p.distribution == "bounded":
            mean = float(ndtri((p.value - low) / (high - low))) + mean * sigma
            width = _rounded(sd * sigma)
        place = min(max(float(ndtr(mean)), _EDGE), 1 - _EDGE)
        update |= {"distribution": "bounded", "sigma": width}
        update["value"] = _rounded(low + (high - low) * place)
    elif p.distribution == "lognormal":
        update |= {"value": _rounded(p.value * math.exp(mean * sigma)), "sigma": sigma * width}
    else:
        update |= {"value": _rounded(p.value + mean * sigma), "sigma": sigma * width}
    if p.valid:
        update["value"] = min(max(update["value"], p.valid[0]), p.valid[1])
    update["sigma"] = _rounded(update["sigma"])
    note = f"conditioned on {kinds}; {p.confidence} prior {p.value:g}"
    update["note"] = f"{p.note}; {note}" if p.note else note
    return Parameter(**(p.model_dump() | update))


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _checks(
    card: Technology,
    observations: Sequence[Observation],
    names: list[str],
    before: dict[int, _Before],
    generator: np.random.Generator,
) -> tuple[ObservationCheck, ...]:
    """Compare the posterior card with every observation."""
    draws = _CHECKED_SIMULATED if any(map(is_simulated, observations)) else _CHECKED
    scores = generator.standard_normal((draws, len(names)))
    for block in card.correlation.values():
        if set(block.parameters) <= set(names):
            at = [names.index(key) for key in block.parameters]
            scores[:, at] = [block.scores(row) for row in scores[:, at]]
    table = _predictions([at_scores(card, names, z) for z in scores], observations)
    out = []
    for k, o in enumerate(observations):
        location = table[:, k, 0]
        low, middle, high = np.quantile(location, [0.05, 0.5, 0.95]).tolist()
        out.append(
            ObservationCheck(
                o, before[id(o)].probability, Evidence.of(o).predictive(*table[:, k].T),
                (low, middle, high), before[id(o)].narrowed,
            )
        )  # fmt: skip
    return tuple(out)
