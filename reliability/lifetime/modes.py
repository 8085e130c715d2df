"""Known failure modes: a distribution for each, and the product that fails by the first of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from reliability.errors import InputError
from reliability.lifetime.censored_fit import Estimate, LifetimeFit, Method, fit_lifetime


@dataclass(frozen=True)
class ModesFit:
    """Independent failure modes with a fit of each.

    Attributes
    ----------
    modes : dict of str to LifetimeFit
    """

    modes: dict[str, LifetimeFit]

    def failure_probability(
        self, t: ArrayLike, stress: Mapping[str, float] | None = None, confidence: float = 0.9,
        method: Method = "profile",
    ) -> Estimate:  # fmt: skip
        """Probability that the product fails by the time ``t``, by any mode.

        Parameters
        ----------
        t : float or array_like
        stress : mapping of str to float, optional
            Of the modes that have an acceleration.
        confidence, method
            As `LifetimeFit.interval`.

        Returns
        -------
        Estimate

        Notes
        -----
        Cumulative hazards of the modes add. The ends of the interval are recovered from those of
        the modes: the squares of their distances from the estimates add [1]_.

        References
        ----------
        .. [1] G. Y. Zou, A. Donner, Stat. Med. 27, 1693 (2008), doi:10.1002/sim.3095.
        """
        each = [
            fit.failure_probability(t, stress if fit.stresses else None, confidence, method)
            for fit in self.modes.values()
        ]
        with np.errstate(divide="ignore"):
            value, low, high = (
                -np.log1p(-np.array([getattr(e, name) for e in each], float))
                for name in Estimate._fields
            )
        total = value.sum(axis=0)
        below = total - np.sqrt(np.sum((value - low) ** 2, axis=0))
        above = total + np.sqrt(np.sum((high - value) ** 2, axis=0))
        ends = (-np.expm1(-np.maximum(hazard, 0.0)) for hazard in (total, below, above))
        return Estimate(*(float(end) if np.ndim(end) == 0 else end for end in ends))


def fit_modes(
    time: ArrayLike, cause: ArrayLike, *, distribution: str | Mapping[str, str] = "weibull",
    **options: Any,
) -> ModesFit:  # fmt: skip
    """Fit each known failure mode; failures by the others are censored for it [1]_.

    Parameters
    ----------
    time : array_like, shape (n,)
        Time of failure or of the end of the test.
    cause : array_like of str, shape (n,)
        Mode of the failure; empty or None: still good.
    distribution : str or mapping of str to str
        Of all modes, or of each.
    **options
        As for `fit_lifetime`, e.g. ``frequency``, ``stress``, ``acceleration``, ``lots``.

    Returns
    -------
    ModesFit

    Raises
    ------
    InputError
        No failure, a distribution of a mode that does not occur, or a mode without a maximum.

    References
    ----------
    .. [1] W. Q. Meeker, L. A. Escobar, "Statistical Methods for Reliability Data", Wiley, 1998,
       section 15.4.

    Examples
    --------
    >>> time = [20, 35, 50, 60, 75, 90, 100, 100]
    >>> cause = ["short", "short", "open", "short", "open", "open", "", ""]
    >>> found = fit_modes(time, cause)
    >>> sorted(found.modes), found.failure_probability(60.0).value > 0.3
    (['open', 'short'], True)
    """
    labels = np.array(["" if label is None else str(label) for label in np.ravel(cause)])
    names = [str(name) for name in np.unique(labels) if name]
    if not names:
        raise InputError("cause: no unit failed, there is no mode to fit")
    chosen = dict.fromkeys(names, distribution) if isinstance(distribution, str) else distribution
    for name in {*chosen, *names}:
        if name not in names or name not in chosen:
            raise InputError(
                f"distribution: got modes {', '.join(sorted(chosen))}, the data have "
                f"{', '.join(names)}"
            )
    return ModesFit(
        {
            name: fit_lifetime(time, event=labels == name, distribution=chosen[name], **options)
            for name in names
        }
    )
