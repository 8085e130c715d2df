"""Phenomena of a card that can be taken out of it, one by one.

A sigma or a rate is taken out by setting it to 0, a change with time by leaving its section out.
What is left has the same random numbers, since each phenomenon has streams of its own.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from reliability.errors import InputError, unknown_name
from reliability.technology import Technology
from reliability.technology.card import without as groups_without

# Parameters whose value 0 takes a phenomenon out.
SET_TO_ZERO: Mapping[str, tuple[str, ...]] = {
    "wafer- and die-level variability": (
        "programming.*.sigma_lot",
        "programming.*.sigma_wafer",
        "programming.*.sigma_die",
        "programming.*.radial",
    ),
    "device-to-device variability": (
        "programming.*.sigma_cell",
        "programming.target.error_*",
        "programming.target.window_*",
    ),
    "cycle-to-cycle variability": ("programming.*.sigma_cycle",),
    "defects": ("defects.stuck_lrs", "defects.stuck_hrs", "defects.unformed"),
    "neurons": ("neuron.threshold_mismatch", "neuron.injector_mismatch", "neuron.leak"),
}
# Sections without which cells do not change in that way.
LEFT_OUT: Mapping[str, tuple[str, ...]] = {
    "relaxation": ("relaxation",),
    "retention": ("retention.LRS", "retention.HRS", "retention.target"),
    "drift": ("drift",),
    "read disturb": ("read_disturb",),
    "read noise": ("noise",),
}
PHENOMENA = (*SET_TO_ZERO, *LEFT_OUT)


def phenomena_of(technology: Technology) -> list[str]:
    """Return the phenomena that a card has.

    Examples
    --------
    >>> import reliability as rel
    >>> phenomena_of(rel.load_technology("pcm-mushroom"))
    ['device-to-device variability', 'retention', 'drift', 'read noise']
    """
    some = [
        name
        for name, patterns in SET_TO_ZERO.items()
        if any(technology[key] for key in technology if _matches(key, patterns))
    ]
    return some + [
        name
        for name, sections in LEFT_OUT.items()
        if any(_is_in(key, sections) for key in technology)
    ]


def without(technology: Technology, phenomena: Collection[str]) -> Technology:
    """Return a card without some phenomena.

    Parameters
    ----------
    technology : Technology
    phenomena : collection of str
        Of `PHENOMENA`.

    Raises
    ------
    InputError
        An unknown phenomenon, or one that the card does not have.

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("oxram-130nm")
    >>> card = without(tech, ["device-to-device variability", "retention"])
    >>> card["programming.HRS.sigma_cell"], "retention.LRS.time_constant" in card
    (0.0, False)
    """
    present = phenomena_of(technology)
    for name in phenomena:
        if name not in PHENOMENA:
            raise unknown_name("phenomenon", name, PHENOMENA)
        if name not in present:
            raise InputError(f"phenomenon {name!r}: {technology.name} does not have it")
    patterns = [p for name in phenomena for p in SET_TO_ZERO.get(name, ())]
    sections = [s for name in phenomena for s in LEFT_OUT.get(name, ())]
    zero = {key: 0.0 for key in technology if _matches(key, patterns)}
    gone = {key for key in technology if _is_in(key, sections)}
    card = technology.with_values(zero) if zero else technology
    return replace(
        card,
        parameters={key: p for key, p in card.parameters.items() if key not in gone},
        models={key: model for key, model in card.models.items() if not _is_in(key, sections)},
        valid={key: ends for key, ends in card.valid.items() if not _is_in(key, sections)},
        correlation=groups_without(card.correlation, gone),
    )


def _matches(key: str, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(key, pattern) for pattern in patterns)


def _is_in(key: str, sections: Collection[str]) -> bool:
    return any(key == section or key.startswith(f"{section}.") for section in sections)
