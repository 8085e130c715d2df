"""Accuracy lost to each phenomenon: alone, gain if removed, and Shapley value.

All combinations of the phenomena are evaluated, each once, on the same chips and images.
Phenomena act together (a network that still decides with one may not with two), so the loss of a
phenomenon depends on which others act, and the three numbers differ:

- ``alone``: accuracy without any, less that with this one only;
- ``all_but_one``: accuracy without this one only, less that with all: the gain if it were removed;
- ``shapley``: mean of what it costs on top of others over all orders in which they can be added;
  these add up to the whole loss.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.mission import MissionProfile
from reliability.network.analysis.phenomena import phenomena_of, without
from reliability.network.deep.deep_evaluation import evaluate_deep
from reliability.network.deep.onnx import DeepNetwork
from reliability.network.evaluation import evaluate
from reliability.network.one_layer.model import Network
from reliability.network.one_layer.neuron import Neuron
from reliability.progress import tracked
from reliability.statistics.crossed import mean_of_rows
from reliability.statistics.shapley import MOST_CAUSES, members, shapley
from reliability.technology import Technology, expect_technology

MEASURES = ("alone", "all_but_one", "shapley")
# What a phenomenon needs to act at all.
_WITH_TIME = ("relaxation", "retention", "drift")


def attribute_loss(
    network: Network | DeepNetwork,
    technology: Technology,
    *,
    phenomena: Sequence[str] | None = None,
    profile: MissionProfile | None = None,
    chips: int = 16,
    images: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
    **settings: Any,
) -> xr.Dataset:
    """Attribute the loss of accuracy of real cells to the phenomena of their card.

    Parameters
    ----------
    network : Network or DeepNetwork
    technology : Technology
    phenomena : sequence of str, optional
        Of `reliability.network.analysis.phenomena`; the others stay as the card has them. By
        default those that act: with a sigma or rate above 0, changes with time where the profile
        has time, read disturb where it has reads.
    profile : MissionProfile, optional
        Mission to age the cells by; every cell is read equally often.
    chips, images : int
        For each of the 2**n combinations of n phenomena.
    seed : int
        The same for all combinations.
    confidence : float
        Of the intervals of means over chips, on these images.
    **settings
        Others of `reliability.evaluate`; neurons are those of each card, with the mismatch and leak
        that it has.

    Returns
    -------
    Dataset
        As `attribution` returns it; ``accuracy_ideal`` is that of ideal cells on the same images.

    Raises
    ------
    InputError
        A phenomenon that the card does not have, none that acts, or more than 10.

    Examples
    --------
    >>> import reliability as rel
    >>> found = attribute_loss(
    ...     rel.load_network("spirit"), rel.load_technology("oxram-130nm"),
    ...     chips=4, images=200,
    ...     phenomena=["device-to-device variability", "cycle-to-cycle variability"])
    >>> float(abs(found["shapley"].sum() - found["loss"]).round(12))
    0.0
    """
    expect_technology(technology)
    names = chosen(technology, phenomena, profile, of_neurons=isinstance(network, Network))
    settings = settings | {"images": images, "seed": seed}

    def on(card: Technology | None) -> xr.Dataset:
        here = settings if card is None else settings | {"chips": chips, "profile": profile}
        if isinstance(network, DeepNetwork):
            return evaluate_deep(network, card, **here)
        neuron = None if card is None else Neuron.from_technology(card)
        return evaluate(network, card, neuron=neuron, **here)

    some = cards(technology, names)
    parts = [on(card)["accuracy"] for card in tracked(some, "combinations", len(some))]
    table = xr.concat(parts, "combination", coords="minimal", compat="override")
    out = attribution(table, names, confidence)
    ideal = on(None)
    out["accuracy_ideal"] = ((), float(ideal["accuracy"].mean()), {"units": "1"})
    return out.assign_attrs(
        {key: value for key, value in ideal.attrs.items() if key not in ("technology", "warnings")}
        | {"technology": technology.name, "chips": chips, "confidence": confidence}
        | {"mission": "as programmed" if profile is None else str(profile)}
    )


def chosen(
    technology: Technology,
    phenomena: Sequence[str] | None,
    profile: MissionProfile | None,
    *,
    of_neurons: bool = True,
    of_reads: bool = False,
) -> list[str]:
    """Return the phenomena to tell apart, in the order of the card's list.

    Parameters
    ----------
    technology : Technology
    phenomena : sequence of str or None
        None: those that act.
    profile : MissionProfile or None
    of_neurons : bool
        Whether neurons have the card's mismatch and leak.
    of_reads : bool
        Whether cells are read with their noise.

    Raises
    ------
    InputError
        One that the card does not have, one twice, none, or too many.

    Examples
    --------
    >>> import reliability as rel
    >>> decade = rel.MissionProfile.constant(time="10 years")
    >>> chosen(rel.load_technology("techB"), None, decade)
    ['device-to-device variability', 'relaxation']
    """
    present = phenomena_of(technology)
    if phenomena is None:
        time = profile is not None and profile.duration > 0
        reads = profile is not None and profile.reads > 0
        still = {"neurons": not of_neurons, "read noise": not of_reads}
        still |= dict.fromkeys(_WITH_TIME, not time) | {"read disturb": not reads}
        names = [name for name in present if not still.get(name, False)]
    else:
        without(technology, phenomena)  # refuses what is not there
        names = [name for name in present if name in phenomena]
        if len(names) < len(phenomena):
            raise InputError(f"phenomena: got {list(phenomena)}, expected each once")
    if not 1 <= len(names) <= MOST_CAUSES:
        raise InputError(
            f"phenomena: got {len(names)} that act, allowed 1 to {MOST_CAUSES} to tell apart"
        )
    return names


def cards(technology: Technology, phenomena: Sequence[str]) -> list[Technology]:
    """Return the card with each combination of the phenomena, in the order of `members`.

    Examples
    --------
    >>> import reliability as rel
    >>> some = cards(rel.load_technology("techB"), ["relaxation"])
    >>> [("relaxation.target" in card.models) for card in some]
    [False, True]
    """
    names = np.array(phenomena)
    return [without(technology, names[~inside].tolist()) for inside in members(len(names))]


def attribution(
    accuracy: xr.DataArray, phenomena: Sequence[str], confidence: float = 0.95
) -> xr.Dataset:
    """Return what each phenomenon costs, from the accuracy of every combination.

    Parameters
    ----------
    accuracy : DataArray (combination, chip)
        In the order of `reliability.statistics.shapley.members`, on the same chips; chips of
        wafers (coordinate ``wafer``) that differ are counted accordingly.
    phenomena : sequence of str
    confidence : float

    Returns
    -------
    Dataset
        Over ``phenomenon``: ``alone``, ``all_but_one``, ``shapley`` (loss of accuracy, mean over
        chips), each with ``_low`` and ``_high``. Without dimension: ``accuracy_none`` and
        ``accuracy_all``, and their difference ``loss`` with its interval. ``accuracy`` of each
        (combination, chip), ``member`` (combination, phenomenon).
    """
    v = accuracy.transpose("combination", "chip")
    wafer = v["wafer"].values if "wafer" in v.coords else None
    of_chips = losses_of_chips(v)
    out = xr.Dataset(
        {"accuracy": v, "member": (("combination", "phenomenon"), members(len(phenomena)))},
        coords={"phenomenon": list(phenomena)},
    )
    for name, rows in of_chips.items():
        dimension = None if name == "loss" else "phenomenon"
        _with_interval(out, name, dimension, rows, wafer, confidence)
    out["accuracy_none"] = ((), float(v[0].mean()))
    out["accuracy_all"] = ((), float(v[-1].mean()))
    for variable in out.data_vars.values():
        variable.attrs["units"] = "1"
    return out


def losses_of_chips(accuracy: xr.DataArray) -> dict[str, NDArray[np.float64]]:
    """Return what each phenomenon costs each chip, in each way to count it.

    Parameters
    ----------
    accuracy : DataArray (combination, chip)
        As for `attribution`.

    Returns
    -------
    dict of ndarray (phenomenon, chip)
        ``alone``, ``all_but_one``, ``shapley``; and ``loss`` by all of them, (1, chip).
    """
    v = accuracy.transpose("combination", "chip").values
    loss = v[0] - v
    everything = len(loss) - 1
    one = 1 << np.arange(everything.bit_length())
    return {
        "alone": loss[one],
        "all_but_one": loss[everything] - loss[everything - one],
        "shapley": shapley(loss),
        "loss": loss[everything][None],
    }


def _with_interval(
    out: xr.Dataset,
    name: str,
    dimension: str | None,
    rows: NDArray[np.float64],
    wafer: NDArray | None,
    confidence: float,
) -> None:
    ends = np.array([mean_of_rows(row, wafer, confidence) for row in rows])
    for suffix, column in zip(("", "_low", "_high"), ends.T, strict=True):
        dims = () if dimension is None else (dimension,)
        out[f"{name}{suffix}"] = (dims, column if dims else column[0])
