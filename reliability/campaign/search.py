"""Search among designs: which points of a sweep to compute next, and what dominates what.

A search is a function of its seed and of the results so far: each generation of designs is proposed
by Optuna's sampler, computed at once like any points of a sweep, and told in the order in which it
was proposed. So the same study proposes the same designs whatever the workers, and a search that
was killed proposes them again, finds most of them computed, and goes on. All designs share their
random numbers (chips, lots, sampled cards): differences between them are better known than they
are. Acceptance limits are constraints; a design is on the front only where they are demonstrated by
the whole interval.

The sampler is NSGA-II [1]_ or the tree-structured Parzen estimator [2]_.

References
----------
.. [1] K. Deb et al., IEEE Trans. Evol. Comput. 6, 182 (2002), doi:10.1109/4235.996017.
.. [2] Y. Ozaki et al., J. Artif. Intell. Res. 73, 1209 (2022), doi:10.1613/jair.1.13188.
"""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reliability.campaign.frame import Point
from reliability.campaign.tables import Objective, SearchTable
from reliability.errors import InputError

Floats = NDArray[np.float64]
_TRIES = 5  # generations without a new design after which a search ends
_BAD = 1e30  # value of a design that has none
FLOORS = {"ppm": 1e-6}  # below which no product differs from another, by the unit of an objective


class Space(NamedTuple):
    """The values that one choice may take: some, or a range."""

    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False


class Evaluation(NamedTuple):
    """What is known of a design: its objectives, and by how much it misses the limits (0: met)."""

    objectives: Sequence[float]
    violation: float = 0.0


Evaluate = Callable[[list[Point]], list[Evaluation]]


def search_designs(
    space: Mapping[str, Space], search: SearchTable, seed: int, evaluate: Evaluate
) -> list[Point]:
    """Propose designs in generations, and evaluate them, until so many are done.

    Parameters
    ----------
    space : mapping of str to Space
        What each choice may be.
    search : SearchTable
    seed : int
        Of the sampler.
    evaluate : callable
        ``(designs)``: the evaluations of a generation's designs that are new.

    Returns
    -------
    list of dict
        The designs in the order in which they were proposed, each once.

    Raises
    ------
    InputError
        Optuna is not installed.
    """
    optuna = _optuna()
    directions = [one.direction.replace("ise", "ize") for one in search.objective]
    study = optuna.create_study(directions=directions, sampler=_sampler(optuna, search, seed))
    found: dict[tuple[Any, ...], Evaluation] = {}
    designs: list[Point] = []
    idle = 0
    while len(designs) < search.evaluations and idle < _TRIES:
        trials = [study.ask() for _ in range(search.population)]
        asked = [{name: _suggest(trial, name, one) for name, one in space.items()}
                 for trial in trials]  # fmt: skip
        new = list({tuple(d.values()): d for d in asked if tuple(d.values()) not in found}.values())
        new = new[: search.evaluations - len(designs)]
        idle = 0 if new else idle + 1
        designs += new
        for design, evaluation in zip(new, evaluate(new) if new else [], strict=True):
            found[tuple(design.values())] = evaluation
        for trial, design in zip(trials, asked, strict=True):
            known = found.get(tuple(design.values()))
            if known is None:  # beyond the number of evaluations
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
                continue
            trial.set_user_attr("violation", known.violation)
            signs = [-1.0 if d == "maximize" else 1.0 for d in directions]
            study.tell(trial, [
                v if math.isfinite(v) else s * _BAD
                for v, s in zip(known.objectives, signs, strict=True)
            ])  # fmt: skip
    return designs


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise InputError("search: needs Optuna: pip install 'rram-reliability[search]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _sampler(optuna: Any, search: SearchTable, seed: int) -> Any:
    def constraints(trial: Any) -> tuple[float]:
        return (trial.user_attrs.get("violation", 0.0),)

    with warnings.catch_warnings():  # constraints are experimental in Optuna
        warnings.simplefilter("ignore")
        if search.method == "tpe":
            return optuna.samplers.TPESampler(
                seed=seed, n_startup_trials=search.population, constraints_func=constraints,
                constant_liar=True,
            )  # fmt: skip
        return optuna.samplers.NSGAIISampler(
            population_size=search.population, seed=seed, constraints_func=constraints
        )


def _suggest(trial: Any, name: str, space: Space) -> Any:
    if space.values:
        return trial.suggest_categorical(name, list(space.values))
    if space.whole:
        return trial.suggest_int(name, int(space.low), int(space.high), log=space.log)
    value = trial.suggest_float(name, space.low, space.high, log=space.log)
    return float(f"{value:.6g}")


def non_dominated(values: ArrayLike) -> NDArray[np.bool_]:
    """Return which rows no other row dominates: at most as large in all, smaller in one.

    Parameters
    ----------
    values : array_like, shape (designs, objectives)
        To be minimised.

    Examples
    --------
    >>> non_dominated([[1, 4], [2, 2], [3, 3], [4, 1]]).tolist()
    [True, True, False, True]
    """
    v = np.asarray(values, float)
    no_worse = (v[:, None] <= v[None]).all(axis=2)
    better = (v[:, None] < v[None]).any(axis=2)
    return np.asarray(~(no_worse & better).any(axis=0))


def hypervolume(values: ArrayLike, reference: ArrayLike) -> float:
    """Return the volume that designs dominate, up to a reference, of objectives to be minimised.

    Parameters
    ----------
    values : array_like, shape (designs, objectives)
    reference : array_like, shape (objectives,)

    Examples
    --------
    >>> hypervolume([[1, 3], [2, 2], [3, 1]], [4, 4])
    6.0
    >>> hypervolume([[0, 0, 0], [5, 5, 5]], [1, 2, 3])
    6.0
    """
    v, most = np.asarray(values, float), np.asarray(reference, float)
    v = v[(v < most).all(axis=1)] if v.size else v.reshape(0, most.size)
    if not len(v):
        return 0.0
    if most.size == 1:
        return float(most[0] - v.min())
    v = v[np.argsort(v[:, -1])]  # slices along the last objective
    ends = np.append(v[1:, -1], most[-1])
    return float(sum(
        (end - row[-1]) * hypervolume(v[: k + 1, :-1], most[:-1])
        for k, (row, end) in enumerate(zip(v, ends, strict=True)) if end > row[-1]
    ))  # fmt: skip


def as_minimised(values: Floats, objectives: Sequence[Objective]) -> Floats:
    """Return objectives (designs, objectives) with the sign by which less is better.

    Below `FLOORS` values are the same.
    """
    signs = [-1.0 if one.direction == "maximise" else 1.0 for one in objectives]
    floors = [FLOORS.get(one.unit, -np.inf) for one in objectives]
    return np.maximum(np.asarray(values, float), floors) * signs


def growth(values: Floats, allowed: NDArray[np.bool_]) -> Iterator[float]:
    """Yield the hypervolume after each evaluation, as a fraction of the box of all allowed designs.

    Parameters
    ----------
    values : ndarray, shape (designs, objectives)
        To be minimised, in the order of evaluation.
    allowed : ndarray of bool, shape (designs,)
    """
    own = values[allowed]
    if not len(own):
        yield from (0.0 for _ in values)
        return
    low, high = own.min(axis=0), own.max(axis=0)
    wide = np.where(high > low, high - low, 1.0)
    unit, edge = (values - low) / wide, np.full(values.shape[1], 1.1)
    for k in range(1, len(values) + 1):
        yield hypervolume(unit[:k][allowed[:k]], edge) / float(np.prod(edge))
