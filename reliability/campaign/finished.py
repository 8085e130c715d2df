"""A finished study as its folder holds it."""

from pathlib import Path
from typing import Any

import xarray as xr
from pydantic import ValidationError

from reliability.campaign.dotted import put
from reliability.campaign.integrity import describe_damage, find_damage
from reliability.campaign.plan import make_plan
from reliability.campaign.spec import KEYS, Study
from reliability.campaign.store import (
    MARKER,
    layout_of,
    read_marker,
    read_results,
    unfinished,
)
from reliability.errors import InputError, from_validation

Results = dict[str, xr.Dataset]


def read_study(
    folder: str | Path, limits: dict[str, Any] | None = None
) -> tuple[Study, Results, list[str]]:
    """Read a finished study and its results.

    Parameters
    ----------
    folder : str or Path
        Output folder of `reliability.run_study`.
    limits : dict, optional
        Key of ``[limits]`` to its value, instead of those of the study.

    Returns
    -------
    study : Study
    results : dict of str to Dataset
        The groups of its store.
    notes : list of str
        What differs from when the results were computed.

    Raises
    ------
    InputError
        No study there, a damaged one, or one of which parts are missing.
    """
    folder = Path(folder)
    marker = read_marker(folder)
    spec, spec_hash = marker["spec"], marker["spec_hash"]
    for name, value in (limits or {}).items():
        put(spec, f"limits.{name}", value)
    try:
        study = Study.model_validate(spec)
    except ValidationError as error:
        raise from_validation(error, str(folder / MARKER), KEYS) from None
    layout, plan = layout_of(folder, marker), list(make_plan(study, marker["chunk"]))
    if damage := find_damage(layout, plan):
        raise InputError(describe_damage(folder, damage))
    results = read_results(folder)
    if unfinished(layout, plan):
        raise InputError(
            f"{str(folder)!r}: the study is not finished; run it with the same command again"
        )
    notes = []
    if study.spec_hash != spec_hash:
        notes.append(
            "The card, the network or the version of the suite has changed since the results were "
            f"computed (spec hash then {spec_hash[:16]}, now {study.spec_hash[:16]}): what is said "
            "of parameters is of today."
        )
    return study, results, notes
