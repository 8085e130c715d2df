"""Acceptance limits against what a study found, decided by the whole interval."""

from collections.abc import Collection, Sequence
from typing import Any, Literal

Outcome = Literal["demonstrated", "not demonstrated", "inconclusive"]
WORST_FIRST: tuple[Outcome, ...] = ("not demonstrated", "inconclusive", "demonstrated")


def worst_outcome(outcomes: Collection[Outcome]) -> Outcome:
    """Return the outcome that decides among several.

    Examples
    --------
    >>> worst_outcome(["demonstrated", "inconclusive", "demonstrated"])
    'inconclusive'
    """
    return next((o for o in WORST_FIRST if o in outcomes), WORST_FIRST[-1])


def outcome(low: float, high: float, limit: float, sense: Literal["least", "most"]) -> Outcome:
    """Say whether a whole interval is on the accepted side of a limit, or on the other.

    Examples
    --------
    >>> outcome(0.83, 0.85, 0.82, "least"), outcome(0.81, 0.85, 0.82, "least")
    ('demonstrated', 'inconclusive')
    >>> outcome(0.83, 0.85, 0.82, "most")
    'not demonstrated'
    """
    good, bad = (low >= limit, high < limit) if sense == "least" else (high <= limit, low > limit)
    return "demonstrated" if good else "not demonstrated" if bad else "inconclusive"


def limit_row(
    name: str,
    limit: float,
    sense: Literal["least", "most"],
    found: Sequence[float],
    *,
    decides: bool = True,
    **more: Any,
) -> dict[str, Any]:
    """Return one acceptance limit with what was found.

    Parameters
    ----------
    name : str
        Key of ``[limits]``.
    limit : float
    sense : {"least", "most"}
        Whether values must be at least, or at most, the limit.
    found : sequence of float
        Value and the ends of its interval.
    decides : bool
        False for conditions before the end of the mission.
    **more
        ``age``, ``temperature_k`` or ``note``, where they say more.

    Returns
    -------
    dict
        ``limit``, ``wanted``, ``sense``, ``value``, ``low``, ``high``, ``outcome``, ``decides``
        and what more was given.
    """
    value, low, high = map(float, found)
    return {
        "limit": name, "wanted": limit, "sense": sense, "value": value, "low": low, "high": high,
        "outcome": outcome(low, high, limit, sense), "decides": decides, **more,
    }  # fmt: skip
