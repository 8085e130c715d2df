"""Pass-fail data against dose, voltage or cycles: binomial regression, with clusters if any."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy import special

from reliability.errors import InputError, fraction, unknown_name
from reliability.lifetime.censored_fit import Estimate, Stress
from reliability.lifetime.formula import Formula, Transform
from reliability.lifetime.formula import formula as read_formula

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

_LINKS = {"logit": "Logit", "probit": "Probit", "cloglog": "CLogLog"}


@dataclass(frozen=True)
class PassFailFit:
    """A binomial regression.

    Attributes
    ----------
    parameters : dict of str to float
        ``intercept`` and the terms of the formula, on the scale of the link.
    covariance : ndarray, shape (p, p)
    deviance : float
        NaN with clusters.
    degrees : float
        Of Student's t in intervals: clusters less 1; infinite without clusters.
    """

    parameters: dict[str, float]
    covariance: Array = field(repr=False)
    deviance: float
    degrees: float
    model: Formula = field(repr=False)
    link: Any = field(repr=False)

    def interval(self, name: str, confidence: float = 0.9) -> tuple[float, float]:
        """Wald interval of a parameter."""
        if name not in self.parameters:
            raise unknown_name("parameter", name, self.parameters)
        k = list(self.parameters).index(name)
        reach = self._quantile(confidence) * float(np.sqrt(self.covariance[k, k]))
        return self.parameters[name] - reach, self.parameters[name] + reach

    def probability(self, stress: Stress, confidence: float = 0.9) -> Estimate:
        """Failure probability at a stress, with its interval (two-sided).

        Raises
        ------
        InputError
            A column of the formula is missing.
        """
        row = np.append(1.0, self.model.regressors(stress)[0][0])
        value = float(row @ list(self.parameters.values()))
        reach = self._quantile(confidence) * float(np.sqrt(row @ self.covariance @ row))
        ends = (value, value - reach, value + reach)
        return Estimate(*(float(self.link.inverse(x)) for x in ends))

    def dose(
        self, p: float, column: str, bracket: tuple[float, float], others: Stress | None = None,
        confidence: float = 0.9,
    ) -> Estimate:  # fmt: skip
        """Value of one column at which a fraction ``p`` fails, with its interval.

        Parameters
        ----------
        p : float
        column : str
        bracket : (float, float)
            Range to search; an end of the interval that is not in it is infinite.
        others : mapping, optional
            The other columns of the formula.
        confidence : float
            The interval holds the values whose interval of the probability holds ``p`` (Fieller's).

        Raises
        ------
        InputError
            The estimate itself is not in the bracket.
        """
        fraction(p, "p")
        low, high = bracket

        def solve(part: str) -> float:
            def miss(x: float) -> float:
                found = getattr(self.probability({**(others or {}), column: x}, confidence), part)
                return float(found) - p

            return (
                float(scipy.optimize.brentq(miss, low, high))
                if miss(low) * miss(high) <= 0
                else np.nan
            )

        value, first, second = (solve(part) for part in ("value", "high", "low"))
        if np.isnan(value):
            raise InputError(f"bracket: {p:g} is not reached between {low:g} and {high:g}")
        rising = float(self.probability({**(others or {}), column: high}).value) > p
        one, two = (first, second) if rising else (second, first)
        return Estimate(value, -np.inf if np.isnan(one) else one, np.inf if np.isnan(two) else two)

    def _quantile(self, confidence: float) -> float:
        level = 0.5 + fraction(confidence, "confidence") / 2
        if np.isinf(self.degrees):
            return float(special.ndtri(level))
        return float(special.stdtrit(self.degrees, level))


def fit_pass_fail(
    data: "Mapping[str, ArrayLike] | pd.DataFrame", formula: str, *, failed: str,
    units: str | None = None, clusters: str | None = None, link: str = "logit",
    transforms: Mapping[str, Transform] | None = None,
) -> PassFailFit:  # fmt: skip
    """Fit the failure probability of units that only passed or failed.

    Parameters
    ----------
    data : mapping of str to array_like, or pandas.DataFrame
    formula : str
        E.g. ``"~ log(cycles) + voltage"``; see `reliability.lifetime.formula`.
    failed : str
        Column of the number that failed (0 or 1 without ``units``).
    units : str, optional
        Column of the number of units in each row.
    clusters : str, optional
        Column of the lot, wafer or die; units of one resemble each other, and the fit is by
        generalised estimating equations with one correlation within.
    link : {"logit", "probit", "cloglog"}
        ``cloglog`` against the log of time or cycles is a Weibull distribution.
    transforms : mapping of str to callable, optional

    Returns
    -------
    PassFailFit

    Raises
    ------
    InputError
        A column that cannot be right, or stresses that separate passes from failures completely.

    Notes
    -----
    statsmodels ``GLM`` and ``GEE`` (exchangeable correlation) with the bias-reduced covariance of
    Mancl and DeRouen [1]_ and Student's t, as clusters are few.

    References
    ----------
    .. [1] L. A. Mancl, T. A. DeRouen, Biometrics 57, 126 (2001),
       doi:10.1111/j.0006-341X.2001.00126.x.

    Examples
    --------
    >>> data = {"dose": [1.0, 2.0, 3.0, 4.0], "bad": [1, 4, 9, 16], "n": [20, 20, 20, 20]}
    >>> fit = fit_pass_fail(data, "~ dose", failed="bad", units="n")
    >>> round(fit.probability({"dose": 2.5}).value, 2)
    0.31
    """
    if link not in _LINKS:
        raise unknown_name("link", link, _LINKS)
    columns = {str(name): np.asarray(array) for name, array in data.items()}
    for key, name in (("failed", failed), ("units", units), ("clusters", clusters)):
        if name is not None and name not in columns:
            raise unknown_name(f"column ({key})", name, columns)
    bad = np.asarray(columns[failed], float)
    size = np.ones(bad.size) if units is None else np.asarray(columns[units], float)
    wrong = ~((bad >= 0) & (bad <= size) & (bad % 1 == 0) & (size % 1 == 0) & (size > 0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(
            f"{failed}: row {row} has {bad[row]:g} failures of {size[row]:g} units, allowed whole "
            "numbers from 0 to the number of units"
        )
    model = read_formula(formula, columns, transforms)
    x = np.broadcast_to(model.regressors(columns)[0], (bad.size, len(model.coefficients)))
    design = np.column_stack([np.ones(bad.size), x])
    labels = None
    if clusters is not None:
        labels = np.unique(columns[clusters], return_inverse=True)[1]
        if labels.max() < 1:
            raise InputError(f"{clusters}: got one cluster, at least 2 are required")
    found, family = _fit(bad, size.astype(int), design, link, labels, formula)
    names = ("intercept", *model.coefficients)
    values = dict(zip(names, map(float, found.params), strict=True))
    deviance = float(found.deviance) if labels is None else float("nan")
    degrees = np.inf if labels is None else float(labels.max())
    covariance = np.asarray(found.cov_params())
    return PassFailFit(values, covariance, deviance, degrees, model, family.link)


def _fit(
    bad: Array, size: NDArray[np.int_], design: Array, link: str,
    labels: NDArray[np.intp] | None, text: str,
) -> tuple[Any, Any]:  # fmt: skip
    """Generalised linear model, or estimating equations with clusters, of statsmodels."""
    import warnings

    import statsmodels.api as sm
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

    family = sm.families.Binomial(getattr(sm.families.links, _LINKS[link])())
    with warnings.catch_warnings():
        warnings.simplefilter("error", PerfectSeparationWarning)
        try:
            if labels is None:
                model = sm.GLM(np.column_stack([bad, size - bad]), design, family=family)
                return model.fit(), family
            row = np.repeat(np.arange(bad.size), size)
            order = np.argsort(labels[row], kind="stable")
            each = np.concatenate([np.arange(n) < k for n, k in zip(size, bad, strict=True)])
            model = sm.GEE(
                each.astype(float)[order], design[row][order], groups=labels[row][order],
                family=family, cov_struct=sm.cov_struct.Exchangeable(),
            )  # fmt: skip
            return model.fit(cov_type="bias_reduced"), family
        except PerfectSeparationWarning:
            raise InputError(
                f"{text}: the stresses separate passes from failures completely, so that the "
                "probability has no finite estimate; add stresses where some pass and some fail"
            ) from None
