"""Attribution in a study: what its summary says of what each phenomenon costs."""

from typing import Any

import numpy as np
import xarray as xr

from reliability.campaign.spec import Study
from reliability.network.analysis.loss_attribution import MEASURES, attribution


def attributed(study: Study, results: dict[str, xr.Dataset]) -> xr.Dataset:
    """Return the attribution from the accuracies of a finished study."""
    accuracy = results["attribution"]["accuracy"].load()
    return attribution(accuracy, study.phenomena(), study.confidence)


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
