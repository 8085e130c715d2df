"""Networks on the cells of a study: programmed, taken through its stress, read and evaluated."""

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import xarray as xr

from reliability.campaign.frame import StudyFrame
from reliability.campaign.metric_words import expect_fraction, is_fraction, metric_name
from reliability.errors import InputError
from reliability.mission import MissionProfile
from reliability.network import (
    DeepNetwork,
    FirstSpike,
    Network,
    Neuron,
    RateCoding,
    WeightedSum,
    evaluate,
    evaluate_deep,
    program_layers,
    sample_chips,
)
from reliability.network.analysis.inferences import age_by_inferences
from reliability.network.deep.calibration import calibration_inputs
from reliability.network.deep.chips import aged_and_calibrated
from reliability.network.deep.deep_evaluation import check_data
from reliability.network.deep.images import shipped_images
from reliability.network.deep.layer_mapping import check_card, place
from reliability.network.one_layer.coding import Samples
from reliability.network.one_layer.weight_mapping import cells_per_side
from reliability.population import age
from reliability.population.reading import read_cells
from reliability.population.sampling import addresses, card_of_cells
from reliability.product.fault_mapping import Placing, repaired_chips
from reliability.product.layer_repair import Repair, check_repair, repaired_layers
from reliability.technology import Technology

_OF_IMAGES = ("correct", "image")  # too many to keep of every chip at every read-out
_TRIED = 200  # images on which a user's metric is tried


def assess(
    study: StudyFrame,
    cells: Technology | xr.Dataset | None,
    neuron: Neuron,
    images: int,
    **settings: Any,
) -> xr.Dataset:
    """Evaluate the study's network on cells, on chips of a technology, or on ideal cells."""
    network = study.load_network()
    settings |= {"images": images, "seed": study.seed, "confidence": study.confidence}
    settings |= {"data": study.load_data(), "metric": study.metric()}
    if isinstance(network, DeepNetwork):
        tiling = study.tiling.tiling(study.load_technology())
        settings["tiling"] = tiling.ideal() if cells is None else tiling
        settings["calibration"] = study.load_calibration()
        return _as_accuracy(study, evaluate_deep(network, cells, **settings))
    n = study.network
    codings: dict[str, RateCoding | WeightedSum | FirstSpike] = {
        "rate": RateCoding(n.delta_s, n.spike_limit),
        "weighted_sum": WeightedSum(),
        "first_spike": FirstSpike(n.first_spike, n.desensitization),
    }
    found = evaluate(
        network, cells, coding=codings[n.coding], mapping=n.mapping, neuron=neuron, **settings
    )
    return _as_accuracy(study, found)


def _as_accuracy(study: StudyFrame, found: xr.Dataset) -> xr.Dataset:
    """Name the metric of a study ``accuracy``, as its results call it, without single images."""
    name = str(found.attrs["metric"])
    named = {f"{name}{end}": f"accuracy{end}" for end in ("", "_low", "_high")}
    out = found.rename({old: new for old, new in named.items() if old in found})
    attrs = {"long_name": metric_name(study), "fraction": int(is_fraction(study))}
    out["accuracy"].attrs |= attrs
    return out.drop_vars(_OF_IMAGES, errors="ignore")


def cells_of(study: StudyFrame) -> int:
    """Cells of a chip."""
    network = study.load_network()
    if isinstance(network, DeepNetwork):
        tiling = study.tiling.tiling(study.load_technology())
        return study.network.copies * sum(
            tiling.of(n.name).cells_of(n.rows, n.outputs + study.network.spare_columns)
            for n in network.layers
        )
    columns = network.outputs + study.network.spare_columns
    return int(network.inputs * columns) * 2 * cells_of_a_side(study, network)


def cells_of_a_side(study: StudyFrame, network: Network) -> int:
    """Cells that hold one side of a weight, with its copies."""
    return cells_per_side(network, study.network.mapping) * study.network.copies


def bytes_of_chip(study: StudyFrame) -> float:
    """Bytes of the cells of a chip: conductance and the deviates that it comes from."""
    return 4.0 * 8 * cells_of(study)


def program(study: StudyFrame, technology: Technology, **where: Any) -> xr.Dataset:
    """Program the study's network on chips of a lot."""
    network = study.load_network()
    where |= _writing(study)
    with warnings.catch_warnings():  # they are an attribute, and in the summary
        warnings.simplefilter("ignore")
        if is_repaired(study):
            return _repaired(study, technology, None, **where)
        if isinstance(network, DeepNetwork):
            return program_layers(technology, network, study.tiling.tiling(technology), **where)
        where |= {"mapping": study.network.mapping, "copies": study.network.copies}
        return sample_chips(technology, network, **where)


def _writing(study: StudyFrame) -> dict[str, Any]:
    """How the chips of a study are written, and where they lie."""
    return {"dies_per_wafer": study.population.dies_per_wafer, "seed": study.seed,
            "verify": study.programming.verification()}  # fmt: skip


def is_repaired(study: StudyFrame) -> bool:
    """Whether chips are tested and programmed one by one, in `reliability.product`."""
    n = study.network
    deep = isinstance(study.load_network(), DeepNetwork)
    return n.fault_mapping != "none" or n.spare_columns > 0 or (deep and n.copies > 1)


def _repaired(
    study: StudyFrame, technology: Technology, profile: MissionProfile | None, **where: Any
) -> xr.Dataset:
    """Chips around whose stuck cells the network lies, aged where a profile is given."""
    network, n = study.load_network(), study.network
    where |= {"profile": profile}
    swap, sign = n.fault_mapping != "none", n.fault_mapping == "swap_and_sign"
    if isinstance(network, DeepNetwork):
        repair = Repair(n.copies, n.spare_columns, swap or n.spare_columns > 0, sign)
        tiling = study.tiling.tiling(technology)
        return repaired_layers(technology, network, tiling, repair, **where)
    placing = Placing(rows=swap, columns=True, signs=sign)
    return repaired_chips(
        technology, network, placing=placing, copies=n.copies, spare_columns=n.spare_columns,
        **where,
    )  # fmt: skip


def neuron_of(study: StudyFrame, technology: Technology) -> Neuron:
    """Return the neurons of the study: those of a card, or ideal ones."""
    return Neuron.from_technology(technology) if study.network.neuron == "technology" else Neuron()


def read(study: StudyFrame, cells: xr.Dataset) -> xr.Dataset:
    """Read cells at the temperature of the study, where it has one."""
    if study.network.read_temperature is None:
        return cells
    return read_cells(cells, temperature=study.network.read_temperature, overwrite=True)


def at_all_read_outs(
    study: StudyFrame,
    technology: Technology,
    programmed: xr.Dataset,
    images: int,
    reduce: Callable[[xr.Dataset, xr.Dataset], xr.Dataset],
) -> xr.Dataset:
    """Evaluate one population under every combination of the study's stress conditions.

    Each axis of stress is a dimension; reads, inferences and read voltage only where the study has
    more than one of them. ``reduce(aged, result)`` keeps what is wanted of each evaluation.
    """
    neuron = neuron_of(study, technology)
    notes: set[str] = set()
    known: dict[tuple[float, ...], xr.Dataset] = {}

    def at(
        conditions: dict[str, float], axes: list[tuple[str, tuple[float, ...], str]]
    ) -> xr.Dataset:
        (name, values, unit), *inner = axes
        if inner:
            parts = [at({**conditions, name: value}, inner) for value in values]
        elif any(values):
            parts = after_inferences(conditions, values)
        else:
            parts = [after(conditions | {name: 0.0})]
        return parts[0] if _is_single(name, values) else along(axis(name, values, unit), parts)

    def evaluated(aged: xr.Dataset) -> xr.Dataset:
        result = assess(study, read(study, aged), neuron, images)
        notes.update(result.attrs["warnings"])
        return result

    def after(c: dict[str, float]) -> xr.Dataset:
        # Without stress the temperature does not matter, without reads their voltage does not.
        read_ = c["reads"] > 0
        stressed = read_ or c["time"] > 0
        key = (c["time"], c["temperature"] * stressed, c["reads"], c["read_voltage"] * read_,
               c["cycles"])  # fmt: skip
        if key not in known:
            aged = _aged(study, programmed, study.stress.mission(c))
            known[key] = reduce(aged, evaluated(aged))
        return known[key]

    def after_inferences(c: dict[str, float], numbers: tuple[float, ...]) -> list[xr.Dataset]:
        def mission(inferences: float) -> MissionProfile:
            return study.stress.mission(c | {"inferences": inferences})

        found = age_by_inferences(programmed, numbers, mission, evaluated)
        return [
            reduce(aged.assign(reads=aged["reads"] * number), evaluated(aged))
            for number, aged in zip(numbers, found, strict=True)
        ]

    out = at({}, study.stress.axes)
    out.attrs["warnings"] = sorted(notes)
    del out.attrs["mission"]  # it is on the axes
    return out


def _aged(study: StudyFrame, cells: xr.Dataset, mission: MissionProfile) -> xr.Dataset:
    """Cells after a mission, with those of the last calibration where the study has intervals."""
    if is_repaired(study):  # their cells lie in the order of the network: age them on their chips
        wafer, die, _, lot = addresses(cells)[0].tolist()
        first = wafer * study.population.dies_per_wafer + die
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _repaired(
                study, card_of_cells(cells), mission, chips=cells.sizes["chip"], lot=lot,
                first=first, **_writing(study),
            )  # fmt: skip
    if isinstance(study.load_network(), DeepNetwork):
        return aged_and_calibrated(cells, mission, study.tiling.tiling(study.load_technology()))
    return age(cells, mission)


def _is_single(name: str, values: tuple[float, ...]) -> bool:
    return name in ("reads", "inferences", "read_voltage", "cycles") and len(values) == 1


def along(new: xr.DataArray, parts: list[xr.Dataset]) -> xr.Dataset:
    """Stack Datasets that differ in their variables only along a new dimension."""
    return xr.concat(parts, new, data_vars="all", coords="minimal", compat="equals", join="exact")


def axis(name: str, values: Iterable[float], unit: str = "1") -> xr.DataArray:
    """Return the coordinate of a new dimension."""
    values = list(values)
    return xr.DataArray(values, dims=name, coords={name: values}, name=name, attrs={"units": unit})


def check_network(study: StudyFrame, images: dict[str, int]) -> None:
    """Refuse a card that cannot hold the network, more images than there are, options at odds.

    Parameters
    ----------
    study : StudyFrame
        At one point of its sweep.
    images : dict of str to int
        Test images that are asked for, by the table that asks.
    """
    technology, network = study.load_technology(), study.load_network()
    deep = isinstance(network, DeepNetwork)
    own = study.load_data()
    if isinstance(network, DeepNetwork):
        try:
            data = shipped_images(network) if own is None else own
            there = check_data(network, data, study.metric())
        except InputError as error:
            raise InputError(f"network.data: {error}") from None
        try:
            calibration_inputs(network, own, study.load_calibration())
        except InputError as error:
            raise InputError(f"network.calibration: {error}") from None
    elif study.network.calibration is not None:
        raise InputError("network.calibration: acts on deep networks, whose converters it sets")
    else:
        there = len(Samples.of(network, own, None, study.metric()).places)
    for table, number in images.items():
        if number > there:
            raise InputError(f"{table}.images: got {number}, allowed 1 to {there} test images for "
                             f"{study.network.name}")  # fmt: skip
    if ":" in study.network.metric:  # a function that fails is refused before the run
        assess(study, None, Neuron(), min(_TRIED, there))
    for key, given in {"sensitivity": study.sensitivity, "population.until":
                       study.population.until}.items():  # fmt: skip
        if given:
            expect_fraction(study, key)
    if deep:
        tiling = study.tiling.tiling(technology)
        check_card(technology, tiling)
        if isinstance(network, DeepNetwork):
            place(network, tiling, technology)  # refuses weights and layers that do not go
    elif study.network.mapping == "multi_level" and "target.maximum" not in technology:
        raise InputError(
            f"network.mapping: got 'multi_level', but {technology.name} has no levels; "
            "allowed: 'two_level'"
        )
    elif "target.maximum" not in technology and not technology.has_states:
        raise InputError(f"technology: {technology.name} has neither LRS and HRS nor levels")
    if deep and (
        study.sensitivity
        or any(study.stress.inferences)
        or study.network.read_temperature is not None
    ):
        raise InputError("sensitivity, stress.inferences and network.read_temperature need a "
                         f"network of one layer, got {study.network.name}")  # fmt: skip
    _check_redundancy(study, technology, network)
    if study.programming.verify and not technology.has_states:
        raise InputError(f"programming.verify: {technology.name} has levels, not LRS and HRS")


def _check_redundancy(
    study: StudyFrame, technology: Technology, network: Network | DeepNetwork
) -> None:
    """Refuse copies, spare columns and fault-aware mapping where they do not act."""
    n = study.network
    asked = {"copies": n.copies > 1, "spare_columns": n.spare_columns > 0,
             "fault_mapping": n.fault_mapping != "none"}  # fmt: skip
    names = [name for name, given in asked.items() if given]
    if names and study.sensitivity:
        raise InputError(f"network.{names[0]}: does not go with sensitivity")
    if not is_repaired(study):
        return
    if any(study.stress.inferences):
        raise InputError(f"network.{names[-1]}: does not go with stress.inferences")
    if isinstance(network, DeepNetwork):
        check_repair(place(network, study.tiling.tiling(technology), technology))
    elif n.mapping != "two_level" or not technology.has_states:
        raise InputError(f"network.{names[-1]}: needs two_level cells of LRS and HRS, got "
                         f"{n.mapping} cells of {technology.name}")  # fmt: skip
