"""Linear mixed-effects models by maximum likelihood, for degradation paths.

Reads of unit i are ``y_i = X_i beta + Z_i L z_i + e_i`` with standard normal ``z_i``, a lower
triangular ``L`` and normal errors of standard deviation sigma. The fixed effects are profiled out;
what the likelihood needs of a unit are the products of its columns, so that its cost does not grow
with the number of reads.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MixedFit:
    """A fitted mixed-effects model.

    Attributes
    ----------
    beta : ndarray, shape (fixed effects,)
    root : ndarray, shape (random effects, random effects)
        Lower triangular root of the covariance of the random effects.
    sigma : float
    effects : ndarray, shape (units, random effects)
        Predicted random effects of each unit.
    covariance : ndarray
        Of ``beta`` and the entries of ``root`` in the order of `numpy.tril_indices`.
    log_likelihood : float
    """

    beta: Array
    root: Array
    sigma: float
    effects: Array
    covariance: Array
    log_likelihood: float


def fit_mixed(
    unit: NDArray[np.intp], fixed: Array, random: Array, y: Array, start: Array | None = None,
    *, errors: bool = True,
) -> MixedFit:  # fmt: skip
    """Fit ``y = fixed beta + random effects of each unit + error`` by maximum likelihood.

    Parameters
    ----------
    unit : ndarray of int, shape (reads,)
        From 0 on.
    fixed : ndarray, shape (reads, fixed effects)
    random : ndarray, shape (reads, random effects)
        One or two columns.
    y : ndarray, shape (reads,)
    start : ndarray, optional
        Entries of the root, and sigma, to begin with.
    errors : bool
        Whether to compute the covariance of the estimates.

    Examples
    --------
    >>> one = np.ones((6, 1))
    >>> fit = fit_mixed(np.repeat([0, 1, 2], 2), one, one, np.array([1.0, 1.2, 2.0, 2.2, 3.0, 3.2]))
    >>> fit.beta.round(3).tolist(), round(fit.sigma, 3)
    ([2.1], 0.141)
    """
    moments = _Moments(unit, fixed, random, y)
    low = np.tril_indices(moments.random)
    if start is None:
        first = moments.starting_values(unit, random, y)
    else:
        scaled: Array = np.zeros((moments.random, moments.random))
        scaled[low] = start[:-1]
        scaled = scaled * moments.scale_z[:, None] / moments.scale_y
        first = np.array([*scaled[low], np.log(start[-1] / moments.scale_y)])
    found = minimize(
        lambda v: moments.loss(v)[:2], first, method="BFGS", jac=True, options={"gtol": 1e-7}
    )
    variances = np.asarray(found.x)
    beta = moments.loss(variances)[2]
    root = moments.root(variances)
    unscaled = root * moments.scale_y / moments.scale_z[:, None]
    back = np.array([*(moments.scale_y / moments.scale_x),
                     *(moments.scale_y / moments.scale_z)[low[0]]])  # fmt: skip
    covariance: Array = np.zeros((back.size, back.size))
    if errors:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            hessian = second_derivatives(moments.full_loss, np.array([*beta, *variances]))
        full = np.linalg.pinv((hessian + hessian.T) / 2, hermitian=True)
        covariance = np.asarray(full[:-1, :-1] * np.outer(back, back), float)
    return MixedFit(
        beta * back[: beta.size], unscaled, float(np.exp(variances[-1]) * moments.scale_y),
        moments.effects(beta, variances) * moments.scale_y / moments.scale_z,
        covariance, float(-found.fun - y.size * np.log(moments.scale_y)),
    )  # fmt: skip


class _Moments:
    """Products of the columns of each unit, on a scale of about one, and the likelihood of them."""

    def __init__(self, unit: NDArray[np.intp], fixed: Array, random: Array, y: Array) -> None:
        self.scale_x, self.scale_z = (np.abs(each).max(axis=0) for each in (fixed, random))
        self.scale_y = max(float(np.std(y)), 1e-300)
        self.random, self.reads = random.shape[1], y.size
        columns = np.column_stack([random / self.scale_z, fixed / self.scale_x, y / self.scale_y])
        groups = [columns[unit == k] for k in range(int(unit.max()) + 1)]
        all_ = np.array([own.T @ own for own in groups])
        q = self.random
        self.zz, self.za = all_[:, :q, :q], all_[:, :q, q:]  # a: the fixed columns and y
        self.aa = all_[:, q:, q:].sum(axis=0)

    def root(self, variances: Array) -> Array:
        out = np.zeros((self.random, self.random))
        out[np.tril_indices(self.random)] = variances[:-1]
        return out

    def _inner(self, variances: Array) -> tuple[Array, Array, float, Array]:
        """Products with the inverse of the covariance V of the reads, and log determinant of V.

        Also what predicts the random effects of each unit from the columns, and the inverse of
        I + L' Z'Z L / sigma^2.
        """
        root, variance = self.root(variances), float(np.exp(2 * variances[-1]))
        inner = np.eye(self.random) + root.T @ self.zz @ root / variance
        left = np.einsum("kj,uka->uja", root, self.za)
        inverse = np.linalg.inv(inner)
        solved = inverse @ left / variance
        products = self.aa / variance - np.einsum("uja,ujb->ab", left, solved) / variance
        log_det = float(np.linalg.slogdet(inner)[1].sum() + self.reads * 2 * variances[-1])
        return products, solved, log_det, inverse

    def loss(self, variances: Array) -> tuple[float, Array, Array]:
        """Negative log-likelihood with the best fixed effects, its gradient, and these."""
        products, solved, log_det, inverse = self._inner(variances)
        beta = np.linalg.lstsq(products[:-1, :-1], products[:-1, -1], rcond=None)[0]
        square = products[-1, -1] - products[-1, :-1] @ beta
        value = 0.5 * (square + log_det + self.reads * np.log(2 * np.pi))
        root, variance = self.root(variances), float(np.exp(2 * variances[-1]))
        rest = np.array([*-beta, 1.0])
        effects, zr = solved @ rest @ root.T, self.za @ rest
        # Z' V^-1 Z and Z' V^-1 r of each unit
        weight = root @ inverse @ root.T / variance
        zvz = (self.zz - self.zz @ weight @ self.zz) / variance
        zvr = (zr - np.einsum("uij,uj->ui", self.zz, effects)) / variance
        of_root = zvz.sum(axis=0) @ root - np.einsum("ui,uj->ij", zvr, zvr) @ root
        trace = self.reads - self.random * len(self.zz) + np.einsum("uii->", inverse)
        # r' V^-2 r times sigma^2
        left = rest @ self.aa @ rest - 2 * (effects * zr).sum()
        left += np.einsum("ui,uij,uj->", effects, self.zz, effects)
        gradient = np.array([*of_root[np.tril_indices(self.random)], trace - left / variance])
        return float(value), gradient, np.asarray(beta, float)

    def full_loss(self, theta: Array) -> float:
        beta = theta[: self.aa.shape[0] - 1]
        products, _, log_det, _ = self._inner(theta[beta.size :])
        rest = np.array([*-beta, 1.0])
        return float(0.5 * (rest @ products @ rest + log_det + self.reads * np.log(2 * np.pi)))

    def effects(self, beta: Array, variances: Array) -> Array:
        """Predicted random effects: their mean given the reads."""
        scores = self._inner(variances)[1] @ np.array([*-beta, 1.0])
        return np.asarray(scores @ self.root(variances).T)

    def starting_values(self, unit: NDArray[np.intp], random: Array, y: Array) -> Array:
        """Spread of the least squares of each unit, and what they leave."""
        z, target = random / self.scale_z, y / self.scale_y
        each, left = [], []
        for k in range(int(unit.max()) + 1):
            own = unit == k
            one = np.linalg.lstsq(z[own], target[own], rcond=None)[0]
            each.append(one)
            left.append(target[own] - z[own] @ one)
        noise = max(float(np.sqrt(np.mean(np.concatenate(left) ** 2))), 1e-6)
        first = np.diag(np.maximum(np.std(each, axis=0), 1e-3))
        return np.array([*first[np.tril_indices(self.random)], np.log(noise)])


def second_derivatives(
    loss: Callable[[Array], float], theta: Array, relative: float = 1e-4
) -> Array:
    """Return the Hessian of a function by central differences, of steps relative to `theta`."""
    n, step = theta.size, relative * np.maximum(np.abs(theta), 0.1)
    out, e = np.empty((n, n)), np.diag(step)
    for i in range(n):
        for j in range(i + 1):
            pair = [loss(theta + a * e[i] + b * e[j]) for a in (1, -1) for b in (1, -1)]
            out[i, j] = out[j, i] = (pair[0] - pair[1] - pair[2] + pair[3]) / (
                4 * step[i] * step[j]
            )
    return out
