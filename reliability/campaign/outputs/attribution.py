"""Attribution in a study: how much accuracy each phenomenon costs."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from reliability.campaign.assessment import (
    along,
    assess,
    axis,
    bytes_of_chip,
    check_network,
    neuron_of,
    program,
    read,
)
from reliability.campaign.chip_differences import (
    data_apart,
    difference_of_chips,
    images_differ,
    of_images,
    share_chips,
)
from reliability.campaign.frame import StudyFrame
from reliability.campaign.kind import Group, Kind, Read, Results, Row, Task, cut
from reliability.campaign.metric_words import expect_fraction
from reliability.campaign.selection import wafers_of
from reliability.campaign.tables import Table
from reliability.errors import InputError
from reliability.mission import MissionProfile, Segment
from reliability.network import Network
from reliability.network.analysis.loss_attribution import (
    MEASURES,
    attribution,
    cards,
    chosen,
    losses_of_chips,
)
from reliability.population import age
from reliability.units import Kelvin, NonNegative, Seconds, Volts

_SUBSETS = 8  # of the phenomena, per task
_CHEAPER = 6  # images in the time that one takes in the small block that the rate is measured on


class AttributionTable(Table):
    """Which phenomenon costs how much accuracy, where the outputs have "attribution"."""

    phenomena: tuple[str, ...] = ()
    """Phenomena to separate ("device-to-device variability", "relaxation"); all by default."""
    chips: Annotated[int, Field(ge=2, strict=True)] = 24
    """Number of chips for each combination of the phenomena."""
    images: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 2000
    """Number of test images of each chip."""
    time: Seconds = 0.0
    """Time since programming."""
    temperature: Kelvin = 298.15
    """Storage temperature until then."""
    reads: NonNegative = 0.0
    """Reads of every cell until then."""
    read_voltage: Volts = 0.1
    """Voltage of those reads."""

    @property
    def last(self) -> Segment:
        """The segment after which the loss is attributed."""
        return Segment(self.time, self.temperature, self.reads, self.read_voltage)


def mission_of(study: StudyFrame) -> MissionProfile:
    """Return what chips have been through when their loss is attributed."""
    return study.stress.then(study.options("attribution").last)


def phenomena(study: StudyFrame) -> list[str]:
    """Return the phenomena whose losses are separated."""
    return chosen(
        study.load_technology(),
        study.options("attribution").phenomena or None,
        mission_of(study),
        of_neurons=study.network.neuron == "technology"
        and isinstance(study.load_network(), Network),
        of_reads=study.network.read_temperature is not None,
    )


def _tasks(study: StudyFrame, point: int) -> Iterator[Task]:
    a = study.options("attribution")
    work = -(-a.images * a.chips // _CHEAPER)
    return cut("attribution", point, 2 ** len(phenomena(study)), _SUBSETS, work)


def _check(study: StudyFrame) -> None:
    check_network(study, {"attribution": study.options("attribution").images})
    expect_fraction(study, "attribution")
    phenomena(study)


def _check_sweep(points: Sequence[StudyFrame]) -> None:
    """Refuse a sweep whose points do not separate the same phenomena."""
    first = phenomena(points[0])
    for point in points:
        if (here := phenomena(point)) != first:
            differ = ", ".join(sorted(set(here) ^ set(first)))
            raise InputError(
                f"attribution.phenomena: points of the sweep differ in {differ}; name the "
                "phenomena to separate"
            )


def _combinations(study: StudyFrame, task: Task) -> xr.Dataset:
    """Accuracy of a few chips with some combinations of the card's phenomena."""
    settings = study.options("attribution")
    every = cards(study.load_technology(), phenomena(study))
    parts = []
    for card in every[task.first : task.first + task.count]:
        programmed = program(study, card, chips=settings.chips, first=0)
        cells = read(study, age(programmed, mission_of(study)))
        result = assess(study, cells, neuron_of(study, card), settings.images)
        parts.append(result[["accuracy"]])
    out = along(axis("combination", range(task.first, task.first + task.count)), parts)
    return out.drop_attrs(deep=False)


def attributed(study: StudyFrame, results: Results) -> xr.Dataset:
    """Return the attribution from the accuracies of a finished study."""
    accuracy = results["attribution"]["accuracy"].load()
    return attribution(accuracy, phenomena(study), study.confidence)


def _answer(study: StudyFrame, results: Results) -> dict[str, Any]:
    """Return what ``summary.json`` says of the phenomena, the costliest first."""
    found = attributed(study, results)
    ends = ("", "_low", "_high")
    order = np.argsort(-found["shapley"].values, kind="stable")
    answer = {
        "accuracy_none": float(found["accuracy_none"]),
        "accuracy_all": float(found["accuracy_all"]),
        "loss": [float(found[f"loss{end}"]) for end in ends],
        "confidence": study.confidence,
        "chips": int(found.sizes["chip"]),
        "images": study.options("attribution").images,
        "phenomena": [
            {"name": str(row["phenomenon"].values)}
            | {m: [float(row[f"{m}{end}"]) for end in ends] for m in MEASURES}
            for row in (found.isel(phenomenon=k) for k in order)
        ],
    }
    return {"attribution": answer}


def _compare(first: Read, other: Read, confidence: float) -> Iterator[Row]:
    """Compare what all phenomena cost, and what each does that both studies tell apart."""
    a, b = first[0], other[0]
    accuracy = [results["attribution"]["accuracy"].load() for _, results in (first, other)]
    losses = [losses_of_chips(each) for each in accuracy]
    wafers = [wafers_of(each.isel(combination=0)) for each in accuracy]
    images = None
    counts = [study.options("attribution").images for study in (a, b)]
    if images_differ(a, b, *counts):
        images = sum(of_images(float(each.isel(combination=k).mean()), count)
                     for each, count in zip(accuracy, counts, strict=True)
                     for k in (0, -1))  # fmt: skip
    names = [phenomena(study) for study in (a, b)]
    rows = {"": [each["loss"][0] for each in losses]}
    for name in (name for name in names[0] if name in names[1]):
        rows[name] = [each["shapley"][of.index(name)]
                      for each, of in zip(losses, names, strict=True)]  # fmt: skip
    for name, values in rows.items():
        found = difference_of_chips(values, wafers, share_chips(a, b), images, confidence)
        quantity = f"loss of accuracy by {name}" if name else "loss of accuracy"
        yield {"quantity": quantity, "phenomenon": name, "condition": {}, "unit": "share", **found}


def _missions(study: StudyFrame) -> Iterator[MissionProfile]:
    yield mission_of(study)


def _memory(study: StudyFrame) -> Iterator[tuple[str, float]]:
    chips = float(study.options("attribution").chips)
    yield "attribution.chips", chips * bytes_of_chip(study)


KIND = Kind(
    uses=("network", "tiling", "programming", "population", "stress"),
    table=AttributionTable,
    default=AttributionTable(),
    groups={"attribution": Group("combination", _combinations)},
    tasks=_tasks,
    check=_check,
    check_sweep=_check_sweep,
    missions=_missions,
    answer=_answer,
    compare=_compare,
    apart=data_apart,
    memory=_memory,
)
