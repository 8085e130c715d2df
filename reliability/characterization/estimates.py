"""What a fit of one phenomenon gives, and the bootstrap over cells that says how sure it is."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reliability.errors import InputError
from reliability.random import stream
from reliability.technology import Correlation, Parameter
from reliability.technology.vocabulary import unit_of
from reliability.version import __version__

_QUARTILES = 1.349  # between the quartiles of a normal distribution, in sigmas

Array = NDArray[np.float64]
Distribution = Literal["normal", "lognormal"]
SAMPLES = 200  # of a bootstrap: a standard deviation to 5 %


@dataclass(frozen=True)
class Fit:
    """The part of a card that one phenomenon fills.

    Attributes
    ----------
    name : str
        Of the phenomenon, and of its correlation group.
    parameters : dict of str to Parameter
    correlation : Correlation or None
        Of the parameters that were estimated together.
    models : dict of str to str
    valid : dict of str to (float, float)
        Conditions that the data covered.
    not_identifiable : tuple of str
        What the data do not identify, one sentence each.
    needed : dict of str to Parameter
        Assumed values that the model cannot do without, where a base has none either.
    replaces : tuple of str
        Patterns of names that a base's values of this phenomenon have, void beside these.
    groups : dict of str to Correlation
        More groups of parameters that were estimated together.
    """

    name: str
    parameters: dict[str, Parameter]
    correlation: Correlation | None = None
    models: dict[str, str] = field(default_factory=dict)
    valid: dict[str, tuple[float, float]] = field(default_factory=dict)
    not_identifiable: tuple[str, ...] = ()
    needed: dict[str, Parameter] = field(default_factory=dict)
    replaces: tuple[str, ...] = ()
    groups: dict[str, Correlation] = field(default_factory=dict)


@dataclass(frozen=True)
class Estimate:
    """One fitted number before it is on a card.

    Parameters
    ----------
    name : str
        Dotted name on the card.
    distribution : {"normal", "lognormal"}
        Of its uncertainty: a positive number has a log-normal one.
    note : str
    valid : (float, float), optional
        What draws are kept inside.
    """

    name: str
    distribution: Distribution = "normal"
    note: str = ""
    valid: tuple[float, float] | None = None

    def value(self, transformed: float) -> float:
        """Return the value of what the fit works with: the logarithm where it is log-normal."""
        return (
            float(np.exp(transformed)) if self.distribution == "lognormal" else float(transformed)
        )


def quartile_sigma(values: ArrayLike) -> float:
    """Return the standard deviation of the normal distribution with the quartiles of some values.

    Examples
    --------
    >>> round(quartile_sigma([-0.6745, 0.0, 0.0, 0.0, 0.6745]), 3)
    0.0
    >>> round(quartile_sigma([-0.6745, -0.6745, 0.0, 0.6745, 0.6745]), 3)
    1.0
    """
    return float(np.subtract(*np.quantile(np.asarray(values, float), [0.75, 0.25]))) / _QUARTILES


def fitted_by(source: str) -> str:
    """Return the source of values that this package fitted on a file.

    >>> fitted_by("reads.csv (20 cells, 400 reads)").split(" on ")[1]
    'reads.csv (20 cells, 400 reads)'
    """
    return f"fitted by reliability {__version__} on {source}"


def exact(name: str, value: float, source: str, note: str = "") -> Parameter:
    """Return a parameter that is a condition of the test, known as well as it was set."""
    return Parameter(
        value=value, unit=unit_of(name) or "", distribution="exact", source=source,
        confidence="measured", note=note,
    )  # fmt: skip


def assumed(
    name: str,
    value: float,
    why: str,
    *,
    sigma: float | None = None,
    distribution: Distribution = "normal",
) -> Parameter:
    """Return a parameter that the data do not hold and that a card cannot do without."""
    return Parameter(
        value=value, unit=unit_of(name) or "",
        distribution="exact" if sigma is None else distribution, sigma=sigma,
        source=f"assumed: {why}", confidence="assumed",
    )  # fmt: skip


def bootstrap(
    estimate: Callable[[Sequence[Array]], Array],
    cells: Sequence[int],
    name: str,
    seed: int,
    samples: int = SAMPLES,
) -> Array:
    """Estimate again on cells drawn with replacement.

    Parameters
    ----------
    estimate : callable
        Takes how often each cell counts, one array for each independent set of cells, and returns
        the estimates (not finite where there is none).
    cells : sequence of int
        Number of cells in each set.
    name : str
        Of the random stream.
    seed, samples : int

    Returns
    -------
    ndarray, shape (samples that gave an estimate, estimates)

    Raises
    ------
    InputError
        Fewer than half of the samples gave an estimate.

    Examples
    --------
    >>> x = np.random.default_rng(1).normal(size=400)
    >>> again = bootstrap(lambda w: np.array([np.average(x, weights=w[0])]), [400], "example", 7)
    >>> bool(abs(again.std() - 1 / 20) < 0.01)
    True
    """
    rng = stream(seed, f"characterization.{name}")
    out = []
    for _ in range(samples):
        weights = [np.bincount(rng.integers(0, n, n), minlength=n).astype(float) for n in cells]
        with np.errstate(all="ignore"):
            found = estimate(weights)
        if np.all(np.isfinite(found)):
            out.append(found)
    if len(out) < samples / 2:
        raise InputError(
            f"{name}: only {len(out)} of {samples} bootstrap samples of the cells gave an estimate;"
            f" {' + '.join(map(str, cells))} cells are too few"
        )
    return np.array(out)


def joined(
    estimates: Sequence[Estimate],
    transformed: Array,
    again: Array,
    source: str,
    inflation: Mapping[str, float] | None = None,
) -> tuple[dict[str, Parameter], Correlation | None]:
    """Make parameters and their correlation from estimates and their bootstrap samples.

    Parameters
    ----------
    estimates : sequence of Estimate
    transformed : ndarray, shape (estimates,)
        Values, or logarithms of those that are log-normal.
    again : ndarray, shape (samples, estimates)
    source : str
        Of the data, see `fitted_by`.
    inflation : mapping of str to float, optional
        Factor on the sigma of a parameter where the model fits worse than the cells' scatter.
    """
    covariance = np.atleast_2d(np.cov(again, rowvar=False))
    return from_covariance(estimates, transformed, covariance, source, inflation)


def from_covariance(
    estimates: Sequence[Estimate],
    transformed: Array,
    covariance: Array,
    source: str,
    inflation: Mapping[str, float] | None = None,
) -> tuple[dict[str, Parameter], Correlation | None]:
    """Make parameters and their correlation from estimates and their covariance (see `joined`)."""
    sigma = np.sqrt(np.diag(covariance))
    parameters = {}
    for estimate, fitted, spread in zip(estimates, transformed, sigma, strict=True):
        sigma_here = float(f"{spread * (inflation or {}).get(estimate.name, 1.0):.3g}")
        value = estimate.value(fitted)
        error = sigma_here
        if estimate.distribution == "lognormal":  # two digits at least: nothing becomes zero
            error = min(sigma_here, 1.0) * abs(value)
        parameters[estimate.name] = Parameter(
            value=_rounded(value, error), unit=unit_of(estimate.name) or "",
            distribution=estimate.distribution, sigma=sigma_here, source=fitted_by(source),
            confidence="fitted", valid=estimate.valid, note=estimate.note,
        )  # fmt: skip
    certain = [k for k in range(len(estimates)) if sigma[k] > 1e-12]
    if len(certain) < 2:
        return parameters, None
    pick = np.ix_(certain, certain)
    matrix = covariance[pick] / np.outer(sigma[certain], sigma[certain])
    matrix = np.round((matrix + matrix.T) / 2, 6)
    np.fill_diagonal(matrix, 1.0)
    return parameters, Correlation(
        parameters=tuple(estimates[k].name for k in certain),
        matrix=tuple(tuple(row) for row in matrix.tolist()),
    )


def _rounded(value: float, error: float) -> float:
    """Round to a thousandth of the error, which readers thank for and no result notices.

    >>> _rounded(1.15746621e-6, 8.86e-9), _rounded(1.15746621e-6, 1.0)
    (1.157466e-06, 1.15747e-06)
    """
    if not (error > 0 and abs(value) > 1e-3 * error):
        return float(f"{value:.6g}")
    return float(f"{round(value, 3 - math.floor(math.log10(error))):.12g}")


@dataclass(frozen=True)
class Groups:
    """Values in groups, for weighted means and standard deviations many times over.

    Parameters
    ----------
    values, group, cell : ndarray, shape (reads,)
        Value, number of its group and number of its cell.
    count : int
        Number of groups.
    """

    values: Array
    group: NDArray[np.intp]
    cell: NDArray[np.intp]
    count: int

    def moments(self, weight: Array) -> tuple[Array, Array, Array]:
        """Return the number of cells, the mean and the standard deviation of every group.

        Parameters
        ----------
        weight : ndarray, shape (cells,)
            How often each cell counts.
        """
        w = weight[self.cell]
        n = np.bincount(self.group, w, self.count)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.bincount(self.group, w * self.values, self.count) / n
            off = self.values - mean[self.group]
            off[w == 0] = 0.0
            square = np.bincount(self.group, w * off**2, self.count) / (n - 1)
        return np.asarray(n, float), mean, np.sqrt(square)
