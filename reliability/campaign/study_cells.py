"""Measured cells in a study: the file that takes the place of the card's cells, and what it allows.

The card still says what lies around the cells: neurons, energies of events and the read voltage.
"""

from reliability.campaign.frame import StudyFrame
from reliability.campaign.kind import Kind
from reliability.campaign.tables import ProgrammingTable
from reliability.devices.write_methods import last_verify
from reliability.errors import InputError
from reliability.population.measured import MeasuredCells
from reliability.technology import Technology
from reliability.units import grouped


def check_writes(study: StudyFrame) -> None:
    """Refuse a write method, of the cycles of a study, that leaves no states to simulate."""
    stress = study.stress
    for name in {stress.write, *(s.write for s in stress.preconditioning)} - {None}:
        last_verify(study.load_technology(), str(name), 1.0)  # whatever the reference


def check_cells(study: StudyFrame, outputs: dict[str, Kind]) -> None:
    """Refuse what measured cells cannot answer: models, and conditions that were not measured.

    Parameters
    ----------
    study : StudyFrame
        With ``cells``.
    outputs : dict of str to Kind
        Kinds of output by name.
    """
    able = [name for name, kind in outputs.items() if kind.of_measured_cells]
    for name in study.outputs:
        if name not in able:
            raise InputError(f"outputs: got {name!r} with cells, which needs the models of a card; "
                             f"allowed: {', '.join(able)}")  # fmt: skip
    given = {"observation": study.observation,
             "programming": study.programming != ProgrammingTable(),
             "network.read_temperature": study.network.read_temperature is not None,
             "sensitivity": study.sensitivity}  # fmt: skip
    for name, there in given.items():
        if there:
            raise InputError(f"{name}: acts on the cells of a card, got cells = {study.cells!r}")
    card = study.load_technology()
    assert isinstance(card, MeasuredCells)
    for name in study.outputs:
        for mission in outputs[name].missions(study):
            try:
                card.place(mission)
            except InputError as error:
                raise InputError(f"stress: {error}") from None


def cells_text(card: Technology) -> list[str]:
    """Say where the cells of a study come from, where they were measured."""
    if not isinstance(card, MeasuredCells):
        return []
    source, data = card.source, card.data
    measured = [f"{data.sizes[axis]} {words}" for axis, words in (
        ("time", "times"), ("temperature", "temperatures"), ("cycles", "cycles"),
    ) if data.sizes[axis] > 1]  # fmt: skip
    where = f" at {' and '.join(measured)}" if measured else ""
    return [
        f"The cells are not simulated: {grouped(card.cells)} cells of {source['source']} (SHA-256 "
        f"{source['source_sha256']}), measured{where}, were drawn with replacement, each with its "
        "whole trajectory. The card gives what lies around them.",
        *(f"{note[:1].upper()}{note[1:]}." for note in card.notes),
    ]  # fmt: skip
