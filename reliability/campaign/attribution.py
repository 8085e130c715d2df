"""Attribution in a study: which phenomena are told apart, and what the summary says of them."""

from typing import Any

import numpy as np
import xarray as xr

from reliability.campaign.spec import Study
from reliability.mission import MissionProfile, Segment
from reliability.network import Network
from reliability.network.questions.attribution import MEASURES, attribution, chosen


def mission(study: Study) -> MissionProfile:
    """Return what chips have been through when their loss is attributed."""
    a = study.attribution
    before = (Segment(**vars(stretch)) for stretch in study.ages.before)
    return MissionProfile([*before, Segment(a.time, a.temperature, a.reads, a.read_voltage)])


def phenomena(study: Study) -> list[str]:
    """Return the phenomena that a study tells apart."""
    return chosen(
        study.load_technology(),
        study.attribution.phenomena or None,
        mission(study),
        of_neurons=study.network.neuron == "technology"
        and isinstance(study.load_network(), Network),
        of_reads=study.network.read_temperature is not None,
    )


def attributed(study: Study, results: dict[str, xr.Dataset]) -> xr.Dataset:
    """Return the attribution from the accuracies of a finished study."""
    accuracy = results["attribution"]["accuracy"].load()
    return attribution(accuracy, phenomena(study), study.confidence)


def attribution_answer(study: Study, results: dict[str, xr.Dataset]) -> dict[str, Any]:
    """Return what ``summary.json`` says of the phenomena, the costliest share first."""
    found = attributed(study, results)
    ends = ("", "_low", "_high")
    order = np.argsort(-found["shapley"].values, kind="stable")
    return {
        "accuracy_none": float(found["accuracy_none"]),
        "accuracy_all": float(found["accuracy_all"]),
        "loss": [float(found[f"loss{end}"]) for end in ends],
        "confidence": study.confidence,
        "chips": int(found.sizes["chip"]),
        "images": study.attribution.images,
        "phenomena": [
            {"name": str(row["phenomenon"].values)}
            | {m: [float(row[f"{m}{end}"]) for end in ends] for m in MEASURES}
            for row in (found.isel(phenomenon=k) for k in order)
        ],
    }
