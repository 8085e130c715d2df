"""Life against covariates in a table: regression by formula, and the comparison of groups."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reliability.errors import InputError, fraction, unknown_name
from reliability.lifetime.censored_fit import Estimate, LifetimeFit, fit_lifetime
from reliability.lifetime.distributions import Distribution
from reliability.lifetime.formula import Transform
from reliability.lifetime.formula import formula as read_formula
from reliability.lifetime.model_choice import LikelihoodRatio, likelihood_ratio_test
from reliability.lifetime.observations import observations

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

_COLUMNS = ("time", "event", "lower", "upper", "frequency", "lots")


def fit_lifetime_regression(
    data: "Mapping[str, ArrayLike] | pd.DataFrame",
    formula: str,
    *,
    spread: str | None = None,
    distribution: str | Distribution = "weibull",
    transforms: Mapping[str, Transform] | None = None,
    fixed: Mapping[str, float] | None = None,
    **columns: str | None,
) -> LifetimeFit:
    """Fit a regression of life on covariates, given as a formula over the columns of a table.

    Parameters
    ----------
    data : mapping of str to array_like, or pandas.DataFrame
    formula : str
        Of the log life (of the life itself for distributions on the whole line), e.g.
        ``"~ arrhenius(temperature) + log(voltage) * lot"``; see `reliability.lifetime.formula`.
        Text is a factor. A name before ``~`` is the column of times.
    spread : str, optional
        Formula of the log of the scale of log life: minus the log of a Weibull shape, log sigma of
        a log-normal. None: one spread.
    distribution : str or Distribution
        See `reliability.lifetime.distributions`.
    transforms : mapping of str to callable, optional
        Functions that the formulas may name.
    fixed : mapping of str to float, optional
        Parameters held at a value.
    **columns : str
        Names of the columns ``time`` and ``event`` (or ``lower`` and ``upper``), ``frequency`` and
        ``lots``, as `fit_lifetime` takes them; by default the columns of these names, except
        ``lots``. ``event=None`` says that every unit failed.

    Returns
    -------
    LifetimeFit
        Predictions take the covariates: ``fit.quantile(0.1, {"temperature": 358.15, "lot": "B"})``.
        Parameters of ``spread`` begin with ``log_scale_``.

    Raises
    ------
    InputError
        A formula or column that cannot be right, or a likelihood without a maximum.

    Examples
    --------
    Glass capacitors, four of eight failed at each condition (Meeker & Escobar 1998, section 17.7:
    13.407, -0.0289 and -0.00591).

    >>> times = [[439, 904, 1092, 1105], [572, 690, 904, 1090], [315, 315, 439, 628],
    ...     [258, 258, 347, 588], [959, 1065, 1065, 1087], [216, 315, 455, 473],
    ...     [241, 315, 332, 380], [241, 241, 435, 455]]
    >>> data = {
    ...     "hours": [t for row in times for t in [*row, row[-1]]], "failed": [1, 1, 1, 1, 0] * 8,
    ...     "units": [1, 1, 1, 1, 4] * 8, "celsius": np.repeat([170, 180], 20),
    ...     "volts": np.tile(np.repeat([200, 250, 300, 350], 5), 2)}
    >>> fit = fit_lifetime_regression(data, "hours ~ celsius + volts", event="failed",
    ...     frequency="units")
    >>> [round(fit.parameters[name], 4) for name in ("intercept", "celsius", "volts")]
    [13.407, -0.0289, -0.0059]
    """
    table = _Columns.of(data, formula, columns)
    spreads = [] if spread is None else [spread]
    models = [read_formula(text, table.values, transforms) for text in (table.right, *spreads)]
    used = {name for model in models for name in model.stresses[0]}
    return fit_lifetime(
        **table.lifetimes,
        stress={name: table.values[name] for name in table.values if name in used} or None,
        distribution=distribution,
        acceleration=models[0] if models[0].coefficients else None,
        shape_acceleration=models[1] if spreads and models[1].coefficients else None,
        fixed=fixed,
    )


class _Columns(NamedTuple):
    """The columns of a table: lifetimes as `fit_lifetime` takes them, and all by name."""

    lifetimes: dict[str, Any]
    values: dict[str, NDArray[Any]]
    right: str

    @classmethod
    def of(cls, data: Any, text: str, columns: Mapping[str, str | None]) -> "_Columns":
        if not hasattr(data, "items"):
            raise InputError(f"data: got {type(data).__name__}, expected a table or a mapping")
        values = {str(name): np.asarray(array) for name, array in data.items()}
        left, tilde, right = text.partition("~")
        named = dict(columns)
        if tilde and left.strip():
            if "time" in named and named["time"] != left.strip():
                raise InputError(f"time: got {named['time']!r} beside {left.strip()!r} before '~'")
            named["time"] = left.strip()
        for name in named:
            if name not in _COLUMNS:
                raise unknown_name("column", name, _COLUMNS)
        intervals = "lower" in named or ("time" not in named and "time" not in values)
        own = ("lower", "upper") if intervals else ("time", "event")
        for name in (*own, "frequency"):
            if name not in named and name in values:
                named[name] = name
            if name in own and name not in named:
                raise InputError(
                    f"{name}: which column? e.g. {name}='...'"
                    + (", or event=None where every unit failed" if name == "event" else "")
                    + f"; columns: {', '.join(values)}"
                )
        lifetimes: dict[str, Any] = {}
        for name, column in named.items():
            if column is not None and column not in values:
                raise unknown_name(f"column ({name})", column, values)
            lifetimes[name] = None if column is None else values[column]
        gone = {column for name, column in named.items() if name != "lots"}
        covariates = {name: array for name, array in values.items() if name not in gone}
        return cls(lifetimes, covariates, "~" + (right if tilde else text))


@dataclass(frozen=True)
class GroupComparison:
    """Result of `compare_groups`.

    Attributes
    ----------
    fit : LifetimeFit
        Regression with the groups as a factor, one spread for all.
    reference : str
    life_ratio : dict of str to Estimate
        Life of each other group over that of the reference, at equal covariates; below 1 the group
        fails sooner.
    likelihood_ratio : LikelihoodRatio
        Of equal lives, given equal spreads.
    equal_spread : LikelihoodRatio or None
        Of equal spreads; None for a distribution without one. Where it is rejected a single ratio
        does not describe the groups.
    log_rank : LogRank or None
        Of equal distributions, whatever they are; None for interval-censored data.
    """

    fit: LifetimeFit
    reference: str
    life_ratio: dict[str, Estimate]
    likelihood_ratio: LikelihoodRatio
    equal_spread: LikelihoodRatio | None
    log_rank: "LogRank | None"


class LogRank(NamedTuple):
    """Statistic of the log-rank test, its degrees of freedom and p-value."""

    statistic: float
    degrees: int
    p_value: float


def compare_groups(
    data: "Mapping[str, ArrayLike] | pd.DataFrame",
    group: str,
    formula: str = "~ 1",
    *,
    reference: str | None = None,
    distribution: str = "weibull",
    confidence: float = 0.9,
    **columns: str | None,
) -> GroupComparison:
    """Compare the lives of groups (lots, vendors, processes): "is lot B worse?".

    Parameters
    ----------
    data, distribution, columns
        As `fit_lifetime_regression`.
    group : str
        Column of the groups.
    formula : str
        Of the other covariates, without the group.
    reference : str, optional
        The group that the others are compared with; by default the first in alphabetical order.
    confidence : float
        Of each interval; with many groups some exclude 1 by chance, so look at
        ``likelihood_ratio`` first.

    Returns
    -------
    GroupComparison

    Raises
    ------
    InputError
        Fewer than two groups, an unknown reference, or a group without a failure.

    Notes
    -----
    Tests: twice the difference of log-likelihoods [1]_, and the log-rank test (statsmodels),
    stratified by the conditions where there are covariates. The ratio of lives holds at every
    quantile, as the spreads are equal.

    References
    ----------
    .. [1] W. Q. Meeker, L. A. Escobar, "Statistical Methods for Reliability Data", Wiley, 1998,
       section 17.5.

    Examples
    --------
    >>> data = {"time": [30, 42, 55, 61, 80, 12, 19, 22, 31, 40], "event": [1] * 10,
    ...     "lot": ["A"] * 5 + ["B"] * 5}
    >>> found = compare_groups(data, "lot")
    >>> ratio = found.life_ratio["B"]
    >>> round(ratio.value, 2), ratio.high < 1, found.likelihood_ratio.p_value < 0.05
    (0.48, True, True)
    """
    fraction(confidence, "confidence")
    table = _Columns.of(data, formula, columns)
    if group not in table.values:
        raise unknown_name("column (group)", group, table.values)
    labels = np.array([str(value) for value in table.values[group]])
    names = [str(name) for name in np.unique(labels)]
    if len(names) < 2:
        raise InputError(f"{group}: got one group, at least 2 are required")
    first = names[0] if reference is None else str(reference)
    if first not in names:
        raise unknown_name("reference", first, names)
    text = {**{str(name): np.asarray(values) for name, values in data.items()}, group: labels}
    left, _, right = formula.rpartition("~")
    others = "" if right.strip() in ("", "1") else f"{right} + "
    factor = f"C(`{group}`, contr.treatment({first!r}))"

    options: dict[str, Any] = {"distribution": distribution, **columns}

    def fitted(terms: str, spread: str | None = None) -> LifetimeFit:
        return fit_lifetime_regression(text, f"{left}~ {terms}", spread=spread, **options)

    _every_group_failed(table, labels, names, group)
    fit = fitted(others + factor)
    typical = {name: fit.data.stress[name][0] for name in fit.stresses if name != group}
    ratios = {
        name: fit.acceleration_factor(
            {**typical, group: name}, {**typical, group: first}, confidence
        )
        for name in names
        if name != first
    }
    spreads = None
    if fit.distribution.count > 1:
        spreads = likelihood_ratio_test(fit, fitted(others + factor, f"~ {factor}"))
    equal = likelihood_ratio_test(fitted(right or "1"), fit)
    return GroupComparison(fit, first, ratios, equal, spreads, _log_rank(fit, group))


def _every_group_failed(
    table: _Columns, labels: NDArray[Any], names: list[str], group: str
) -> None:
    data = observations(**table.lifetimes)
    failed = labels[np.isfinite(data.upper) & (data.frequency > 0)]
    for name in names:
        if name not in failed:
            raise InputError(f"{group}: no unit of {name!r} failed, its life has no estimate")


def _log_rank(fit: LifetimeFit, group: str) -> LogRank | None:
    """Log-rank test of the groups, within equal conditions; None where it is not defined."""
    from statsmodels.duration.survfunc import survdiff

    data = fit.data
    failed = data.lower == data.upper
    if np.any(~failed & np.isfinite(data.upper)) or np.any(data.frequency % 1):
        return None
    row = np.repeat(np.arange(data.lower.size), data.frequency.astype(int))
    others = [data.stress[name] for name in fit.stresses if name != group]
    strata = None
    if others:
        keys = [np.unique(values, return_inverse=True)[1] for values in others]
        strata = np.unique(np.column_stack(keys), axis=0, return_inverse=True)[1].ravel()[row]
    statistic, p_value = survdiff(
        data.lower[row], failed[row].astype(int), data.stress[group][row], strata=strata
    )
    degrees = np.unique(data.stress[group]).size - 1
    return LogRank(float(statistic), degrees, float(p_value))
