"""Lifetime distributions: each states its standard form, everything else is derived once.

A distribution of the time ``t`` has internal parameters ``u`` that may take any real value
(location, log of the scale, log of a shape, log-odds of a fraction). It gives the logarithms of
its density, survival and failure probability; the likelihood of every kind of censored or
truncated datum, quantiles and intervals follow from these three.

Most are location-scale families of ``y = log t`` (or of ``y = t``): with ``z = (y - u0) / exp(u1)``
only the standard form in ``z`` differs [1]_:

================= ======================= ============================================
name              parameters              failure probability F(t)
================= ======================= ============================================
weibull           scale, shape            1 - exp(-(t/scale)^shape)
weibull_3         scale, shape, threshold Weibull of t - threshold
exponential       scale                   1 - exp(-t/scale)
lognormal         mu, sigma               Phi((log t - mu)/sigma)
loglogistic       scale, shape            1/(1 + (t/scale)^-shape)
normal            mu, sigma               Phi((t - mu)/sigma)
gumbel_min        location, scale         1 - exp(-exp((t - location)/scale))
gumbel_max        location, scale         exp(-exp(-(t - location)/scale))
gamma             scale, shape            regularised lower incomplete gamma(shape, t/scale)
generalised_gamma mu, sigma, lambda       Prentice's form; lambda 1: Weibull, 0: log-normal
birnbaum_saunders scale, shape            Phi((sqrt(t/scale) - sqrt(scale/t))/shape)
defect_clustering scale, shape, clustering 1 - (1 + (t/scale)^shape/clustering)^-clustering
================= ======================= ============================================

``gumbel_min`` is the smallest extreme value (the distribution of log t when t is Weibull),
``gumbel_max`` the largest. Two populations or modes are built from these and named in the same way:
``limited_failure(weibull)``, ``mixture(weibull, lognormal)``, ``competing(weibull, weibull)``;
without parts they are made of Weibull distributions.

References
----------
.. [1] W. Q. Meeker, L. A. Escobar, "Statistical Methods for Reliability Data", Wiley, 1998,
   chapters 4 and 5.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError, unknown_name
from reliability.lifetime import standard_forms as forms
from reliability.lifetime.standard_forms import StandardForm, log1mexp

Array = NDArray[np.float64]
Function = Callable[..., Array]


class Parameter(NamedTuple):
    """How one reported parameter follows from an internal one.

    ``link`` is the function from the real line to the parameter; ``unit`` says what multiplying
    all times by c does to the internal value: nothing ("1"), add log c ("log time"), or multiply
    by c ("time").
    """

    name: str
    link: Literal["identity", "log", "negative_log", "logit"] = "identity"
    unit: Literal["1", "log time", "time"] = "1"


@dataclass(frozen=True)
class Distribution:
    """A distribution of the time to failure.

    Attributes
    ----------
    name : str
    parameters : tuple of Parameter
        The reported parameters, in the order of the internal ones.
    log_pdf, log_sf, log_cdf : callable
        Functions of ``(t, *u)``; ``u`` broadcasts with ``t``.
    quantile : callable
        Time by which a fraction ``p`` has failed, function of ``(p, *u)``.
    spread : callable
        Width of the distribution on the scale of the location, function of ``u``.
    positive : bool
        The distribution lives on t > 0.
    location : int or None
        Internal parameter that stresses act on; None if the distribution has no single one.
    form : StandardForm or None
        Set for pure location-scale families, whose derivatives are analytic.
    fixed_scale : bool
        The log-scale ``u1`` is zero and not a parameter (exponential).
    relatives : tuple of (str, callable)
        Simpler ones to fit first, and how their internal parameters start this one's.
    shift : tuple of float or None
        The reported location is ``u0 + shift . u[1:]``, where they differ (gamma).
    threshold : bool
        The last parameter is the time before which no unit fails.
    parts : tuple of Distribution
        The distributions that this one is built from.
    """

    name: str
    parameters: tuple[Parameter, ...]
    log_pdf: Function
    log_sf: Function
    log_cdf: Function
    quantile: Function
    spread: Function = field(repr=False)
    positive: bool = True
    location: int | None = 0
    form: StandardForm | None = None
    fixed_scale: bool = False
    relatives: tuple[tuple[str, Callable[..., tuple[float, ...]]], ...] = field(
        default=(), repr=False
    )
    shift: tuple[float, ...] | None = None
    threshold: bool = False
    parts: "tuple[Distribution, ...]" = field(default=(), repr=False)

    @property
    def count(self) -> int:
        """Number of internal parameters."""
        return len(self.parameters)

    def log_probability(self, low: Array, high: Array, *u: Array) -> Array:
        """Logarithm of P(low < T <= high), accurate in both tails.

        Examples
        --------
        >>> distribution = find_distribution("exponential")
        >>> float(distribution.log_probability(np.float64(50.0), np.float64(51.0), 0.0).round(6))
        -50.458675
        """
        upper_half = np.asarray(self.log_sf(low, *u) < self.log_cdf(low, *u))
        from_above = self.log_sf(low, *u)
        from_below = self.log_cdf(high, *u)
        with np.errstate(invalid="ignore", divide="ignore"):
            above = from_above + log1mexp(self.log_sf(high, *u) - from_above)
            below = from_below + log1mexp(self.log_cdf(low, *u) - from_below)
        return np.where(upper_half, above, below)


def _location_scale(
    name: str,
    form: StandardForm,
    parameters: tuple[Parameter, ...],
    *,
    positive: bool = True,
    fixed_scale: bool = False,
    relatives: tuple[tuple[str, Callable[..., tuple[float, ...]]], ...] = (),
) -> Distribution:
    """Turn a standard form in z into a distribution of t, with shapes after location and scale."""
    first_shape = 1 if fixed_scale else 2

    def scale_of(u: tuple[Any, ...]) -> Any:
        return 0.0 if fixed_scale else u[1]

    def standardise(t: Array, u: tuple[Any, ...]) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            y = np.log(t) if positive else np.asarray(t, float)
        return (y - u[0]) * np.exp(-scale_of(u))

    def log_pdf(t: Array, *u: Any) -> Array:
        jacobian = np.log(t) if positive else 0.0
        return form.log_pdf(standardise(t, u), *u[first_shape:]) - scale_of(u) - jacobian

    def log_sf(t: Array, *u: Any) -> Array:
        return form.log_sf(standardise(t, u), *u[first_shape:])

    def log_cdf(t: Array, *u: Any) -> Array:
        return form.log_cdf(standardise(t, u), *u[first_shape:])

    def quantile(p: Array, *u: Any) -> Array:
        y = u[0] + np.exp(scale_of(u)) * form.quantile(p, *u[first_shape:])
        with np.errstate(over="ignore"):  # beyond all lives
            return np.exp(y) if positive else y

    def spread(*u: Any) -> Array:
        return np.exp(scale_of(u))

    return Distribution(
        name, parameters, log_pdf, log_sf, log_cdf, quantile, spread,
        positive=positive, form=form if form.analytic else None,
        fixed_scale=fixed_scale, relatives=relatives,
    )  # fmt: skip


_SCALE = Parameter("scale", "log", "log time")
_SHAPE = Parameter("shape", "negative_log")
_MU = Parameter("mu", "identity", "log time")
_SIGMA = Parameter("sigma", "log")


def _gamma() -> Distribution:
    """Gamma distribution, with the log of the mean as location: nearly independent of the shape."""

    def parts(t: Array, u: tuple[Any, ...]) -> tuple[Array, Any]:
        shape = np.exp(u[1])
        return np.asarray(t, float) * shape * np.exp(-u[0]), shape

    def log_pdf(t: Array, *u: Any) -> Array:
        x, shape = parts(t, u)
        return forms.log_gamma_pdf(x, shape) - np.log(t)

    def log_sf(t: Array, *u: Any) -> Array:
        return forms.log_gammaincc(*reversed(parts(t, u)))

    def log_cdf(t: Array, *u: Any) -> Array:
        return forms.log_gammainc(*reversed(parts(t, u)))

    def quantile(p: Array, *u: Any) -> Array:
        shape = np.exp(u[1])
        return np.exp(u[0]) / shape * forms.gamma_quantile(p, shape)

    def spread(*u: Any) -> Array:
        return np.exp(-np.asarray(u[1]) / 2)

    def from_weibull(location: float, log_scale: float) -> tuple[float, float]:
        shape = np.exp(-log_scale)
        return location + float(forms.log_gamma_function(1 + 1 / shape)), -2 * log_scale

    return Distribution(
        "gamma", (_SCALE, Parameter("shape", "log")), log_pdf, log_sf, log_cdf, quantile, spread,
        relatives=(("weibull", from_weibull),), shift=(-1.0,),
    )  # fmt: skip


def _birnbaum_saunders() -> Distribution:
    """Birnbaum-Saunders distribution: fatigue crack growth to a critical length."""

    def standardise(t: Array, u: tuple[Any, ...]) -> tuple[Array, Array, Any]:
        half = (np.log(t) - u[0]) / 2
        rate = 2 * np.exp(-u[1])
        return rate * np.sinh(half), half, rate

    def log_pdf(t: Array, *u: Any) -> Array:
        z, half, rate = standardise(t, u)
        return forms.NORMAL.log_pdf(z) + np.log(rate * np.cosh(half) / 2) - np.log(t)

    def log_sf(t: Array, *u: Any) -> Array:
        with np.errstate(divide="ignore"):
            return forms.NORMAL.log_sf(standardise(t, u)[0])

    def log_cdf(t: Array, *u: Any) -> Array:
        with np.errstate(divide="ignore"):
            return forms.NORMAL.log_cdf(standardise(t, u)[0])

    def quantile(p: Array, *u: Any) -> Array:
        return np.exp(u[0] + 2 * np.arcsinh(forms.NORMAL.quantile(p) * np.exp(u[1]) / 2))

    def spread(*u: Any) -> Array:
        return np.minimum(np.exp(u[1]), 1.0)

    return Distribution(
        "birnbaum_saunders", (_SCALE, Parameter("shape", "log")),
        log_pdf, log_sf, log_cdf, quantile, spread,
        relatives=(("lognormal", lambda location, log_scale: (location, log_scale)),),
    )  # fmt: skip


def _weibull_3() -> Distribution:
    """Weibull distribution of the time after a threshold."""
    base = _CATALOGUE["weibull"]

    def shifted(function: Function, at_zero: float) -> Function:
        def after_threshold(t: Array, *u: Any) -> Array:
            after = np.asarray(t - u[2], float)
            with np.errstate(divide="ignore", invalid="ignore"):
                inside = function(np.where(after > 0, after, 1.0), *u[:2])
            return np.where(after > 0, inside, at_zero)

        return after_threshold

    return Distribution(
        "weibull_3", (_SCALE, _SHAPE, Parameter("threshold", "identity", "time")),
        shifted(base.log_pdf, -np.inf), shifted(base.log_sf, 0.0), shifted(base.log_cdf, -np.inf),
        lambda p, *u: base.quantile(p, *u[:2]) + u[2], base.spread, location=None, form=base.form,
        threshold=True,
    )  # fmt: skip


def limited_failure(base: "str | Distribution") -> Distribution:
    """Limited failure population: only a fraction of the units is defective and can fail.

    ``F(t) = defective_fraction * F_base(t)`` [1]_.

    Examples
    --------
    >>> distribution = limited_failure("weibull")
    >>> [parameter.name for parameter in distribution.parameters]
    ['scale', 'shape', 'defective_fraction']

    References
    ----------
    .. [1] W. Q. Meeker, Technometrics 29, 51 (1987).
    """
    every = find_distribution(base)

    def split(u: tuple[Any, ...]) -> tuple[Array, Array]:
        return -np.logaddexp(0.0, -u[-1]), -np.logaddexp(0.0, u[-1])

    def log_pdf(t: Array, *u: Any) -> Array:
        return split(u)[0] + every.log_pdf(t, *u[:-1])

    def log_sf(t: Array, *u: Any) -> Array:
        defective, immune = split(u)
        return np.where(
            u[-1] > 0,
            np.logaddexp(immune, defective + every.log_sf(t, *u[:-1])),
            log1mexp(defective + every.log_cdf(t, *u[:-1])),
        )

    def log_cdf(t: Array, *u: Any) -> Array:
        return split(u)[0] + every.log_cdf(t, *u[:-1])

    def quantile(p: Array, *u: Any) -> Array:
        of_defective = np.asarray(p / np.exp(split(u)[0]))
        inside = every.quantile(np.where(of_defective < 1, of_defective, 0.5), *u[:-1])
        return np.where(of_defective < 1, inside, np.inf)

    def start(*u: float) -> tuple[float, ...]:
        return (*u, 1.0)

    return Distribution(
        f"limited_failure({every.name})",
        (*every.parameters, Parameter("defective_fraction", "logit")),
        log_pdf, log_sf, log_cdf, quantile, lambda *u: every.spread(*u[:-1]),
        positive=every.positive, location=every.location, relatives=((every.name, start),),
        parts=(every,),
    )  # fmt: skip


def mixture(first: "str | Distribution", second: "str | Distribution") -> Distribution:
    """Two populations: a fraction of the units follows the first distribution, the rest the second.

    Examples
    --------
    >>> [parameter.name for parameter in mixture("weibull", "lognormal").parameters]
    ['scale_1', 'shape_1', 'mu_2', 'sigma_2', 'fraction_1']
    """
    a, b = find_distribution(first), find_distribution(second)

    def combine(part: str) -> Function:
        def of_both(t: Array, *u: Any) -> Array:
            one = getattr(a, part)(t, *u[: a.count]) - np.logaddexp(0.0, -u[-1])
            two = getattr(b, part)(t, *u[a.count : -1]) - np.logaddexp(0.0, u[-1])
            return np.logaddexp(one, two)

        return of_both

    return _of_two(
        "mixture", a, b, combine("log_pdf"), combine("log_sf"), combine("log_cdf"),
        (Parameter("fraction_1", "logit"),),
    )  # fmt: skip


def competing(first: "str | Distribution", second: "str | Distribution") -> Distribution:
    """Two failure modes in every unit; it fails by the one that comes first.

    ``S(t) = S_1(t) S_2(t)``. Where the mode of each failure is known, use
    `reliability.lifetime.fit_modes`.

    Examples
    --------
    >>> [parameter.name for parameter in competing("weibull", "weibull").parameters]
    ['scale_1', 'shape_1', 'scale_2', 'shape_2']
    """
    a, b = find_distribution(first), find_distribution(second)

    def log_sf(t: Array, *u: Any) -> Array:
        return a.log_sf(t, *u[: a.count]) + b.log_sf(t, *u[a.count :])

    def log_cdf(t: Array, *u: Any) -> Array:
        return log1mexp(log_sf(t, *u))

    def log_pdf(t: Array, *u: Any) -> Array:
        one, two = u[: a.count], u[a.count :]
        return np.logaddexp(
            a.log_pdf(t, *one) + b.log_sf(t, *two), b.log_pdf(t, *two) + a.log_sf(t, *one)
        )

    return _of_two("competing", a, b, log_pdf, log_sf, log_cdf, ())


def _of_two(
    name: str, a: Distribution, b: Distribution, log_pdf: Function, log_sf: Function,
    log_cdf: Function, extra: tuple[Parameter, ...],
) -> Distribution:  # fmt: skip
    if not (a.positive and b.positive) or a.location is None or b.location is None:
        raise InputError(f"{name}: {a.name!r} and {b.name!r} do not combine, both must have t > 0")
    named = [p._replace(name=f"{p.name}_1") for p in a.parameters]
    named += [p._replace(name=f"{p.name}_2") for p in b.parameters]

    def quantile(p: Array, *u: Any) -> Array:
        p = np.asarray(p, float)
        one, two = u[: a.count], u[a.count : a.count + b.count]
        # Competing modes fail before either, a mixture between both.
        low = np.minimum(a.quantile(p / 2, *one), b.quantile(p / 2, *two))
        ends = a.quantile(p, *one), b.quantile(p, *two)
        high = np.maximum(*ends)
        target = np.log(p) - np.log1p(-p)
        if np.any(np.isinf(high)):  # a fraction of one population cannot fail
            high = _last_failure(np.minimum(*ends), high, lambda t: log_cdf(t, *u) - np.log(p))
        endless = np.isinf(high)
        low, high = np.where(endless, 1.0, low), np.where(endless, 1.0, high)
        low, high = (np.array(end) for end in np.broadcast_arrays(np.log(low), np.log(high)))
        y = (low + high) / 2
        for _ in range(80):  # Newton on the log-odds in log t, kept inside a bracket
            t = np.exp(y)
            failed, good = log_cdf(t, *u), log_sf(t, *u)
            miss = target - (failed - good)
            low, high = np.where(miss > 0, y, low), np.where(miss > 0, high, y)
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                following = y + miss * np.exp(failed + good - log_pdf(t, *u) - y)
            inside = (following >= low) & (following <= high)
            following = np.where(inside, following, (low + high) / 2)
            done = np.all(np.abs(following - y) <= 4e-16 * np.abs(y) + 1e-15)
            y = following
            if done:
                break
        return np.where(endless, np.inf, np.exp(y))

    return Distribution(
        f"{name}({a.name}, {b.name})", (*named, *extra), log_pdf, log_sf, log_cdf, quantile,
        lambda *u: np.minimum(a.spread(*u[: a.count]), b.spread(*u[a.count : a.count + b.count])),
        location=None, parts=(a, b),
    )  # fmt: skip


def _last_failure(near: Array, high: Array, excess: Callable[[Array], Array]) -> Array:
    """Replace infinite upper ends of a quantile by finite ones; infinite where it has none."""
    end = np.where(np.isinf(high), np.where(np.isinf(near), 1.0, near), high)
    for _ in range(1000):  # decades
        short = np.isinf(high) & (excess(end) < 0) & (end < 1e300)
        if not short.any():
            break
        end = np.where(short, 10 * end, end)
    return np.where(np.isinf(high) & (excess(end) < 0), np.inf, end)


def _clustering_from(start: float) -> Callable[..., tuple[float, ...]]:
    return lambda location, log_scale: (location, log_scale, start)


_CATALOGUE = {
    "weibull": _location_scale("weibull", forms.SMALLEST_EXTREME, (_SCALE, _SHAPE)),
    "exponential": _location_scale(
        "exponential", forms.SMALLEST_EXTREME, (_SCALE,), fixed_scale=True
    ),
    "lognormal": _location_scale("lognormal", forms.NORMAL, (_MU, _SIGMA)),
    "loglogistic": _location_scale("loglogistic", forms.LOGISTIC, (_SCALE, _SHAPE)),
    "normal": _location_scale(
        "normal", forms.NORMAL,
        (Parameter("mu", "identity", "time"), Parameter("sigma", "log", "log time")),
        positive=False,
    ),
    "gumbel_min": _location_scale(
        "gumbel_min", forms.SMALLEST_EXTREME,
        (Parameter("location", "identity", "time"), Parameter("scale", "log", "log time")),
        positive=False,
    ),
    "gumbel_max": _location_scale(
        "gumbel_max", forms.LARGEST_EXTREME,
        (Parameter("location", "identity", "time"), Parameter("scale", "log", "log time")),
        positive=False,
    ),
    "generalised_gamma": _location_scale(
        "generalised_gamma", forms.PRENTICE, (_MU, _SIGMA, Parameter("lambda")),
        relatives=(("lognormal", _clustering_from(0.05)), ("weibull", _clustering_from(0.95))),
    ),
    "defect_clustering": _location_scale(
        "defect_clustering", forms.CLUSTERED, (_SCALE, _SHAPE, Parameter("clustering", "log")),
        relatives=(("weibull", _clustering_from(3.0)), ("loglogistic", _clustering_from(0.0))),
    ),
    "gamma": _gamma(),
    "birnbaum_saunders": _birnbaum_saunders(),
}  # fmt: skip
_CATALOGUE["weibull_3"] = _weibull_3()

DISTRIBUTIONS: tuple[str, ...] = tuple(sorted(_CATALOGUE))


def name_in_words(name: str) -> str:
    """Return the name of a distribution as it stands in a sentence.

    >>> name_in_words("limited_failure(weibull)"), name_in_words("lognormal")
    ('limited failure (Weibull)', 'log-normal')
    """
    words = name.replace("weibull", "Weibull").replace("lognormal", "log-normal")
    return words.replace("loglogistic", "log-logistic").replace("_", " ").replace("(", " (")


def find_distribution(name: str | Distribution) -> Distribution:
    """Return the distribution of that name; a `Distribution` is returned as it is.

    Names of composites take their parts in brackets, ``"mixture(weibull, lognormal)"``.

    Raises
    ------
    InputError
        No such name.

    Examples
    --------
    >>> distribution = find_distribution("weibull")
    >>> float(distribution.quantile(0.632120558828558, np.log(1000.0), np.log(1 / 2.0)).round(6))
    1000.0
    >>> find_distribution("competing(weibull, exponential)").name
    'competing(weibull, exponential)'
    >>> find_distribution("wiebull")
    Traceback (most recent call last):
    reliability.errors.InputError: unknown distribution 'wiebull'; did you mean 'weibull'? ...
    """
    if isinstance(name, Distribution):
        return name
    text = str(name).strip()
    if text in _CATALOGUE:
        return _CATALOGUE[text]
    kind, bracket, inside = text.partition("(")
    if kind.strip() not in _COMPOSITES or (bracket and not inside.endswith(")")):
        raise unknown_name("distribution", text, [*_CATALOGUE, *_COMPOSITES])
    build, count = _COMPOSITES[kind.strip()]
    parts = _split(inside[:-1]) if bracket else ["weibull"] * count
    if len(parts) != count:
        raise InputError(f"distribution: {kind} is made of {count}, got {len(parts)} in {text!r}")
    return build(*parts)


_COMPOSITES: dict[str, tuple[Callable[..., Distribution], int]] = {
    "limited_failure": (limited_failure, 1),
    "mixture": (mixture, 2),
    "competing": (competing, 2),
}


def _split(text: str) -> list[str]:
    """Split at commas that are not inside brackets.

    >>> _split("limited_failure(gamma), mixture(weibull, gamma)")
    ['limited_failure(gamma)', 'mixture(weibull, gamma)']
    """
    parts, depth = [""], 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]
