"""Images of a deep network: which are taken, and what the network makes of them."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.network import metrics
from reliability.network.datasets import evenly_spaced, load_mnist28
from reliability.network.deep.onnx import DeepNetwork, Input
from reliability.network.deep.runtime import Session

_BATCH = 250  # images of one run at most

# Arrays of all images by the input that takes them, images first.
Images = dict[str, NDArray[Any]]


class Ran(NamedTuple):
    """Outputs of one run, and for how many images."""

    outputs: list[NDArray[Any]]
    images: int


def chosen_images(
    network: DeepNetwork, data: xr.Dataset, images: int | None
) -> tuple[Images, NDArray[np.int64], NDArray[np.int64]]:
    """Return inputs, labels and indices of ``images`` images, evenly spaced over the data."""
    inputs = network_inputs(network, data)
    chosen, labels = evenly_spaced(images_of(inputs), images), checked_target(network, data, inputs)
    assert labels is not None  # without labels there is no accuracy
    if labels.ndim != 1:
        raise InputError(f"label: got shape {labels.shape}, expected one for each image")
    return at(inputs, chosen), labels[chosen], chosen


def shipped_images(
    network: DeepNetwork, split: Literal["test", "calibration"] = "test"
) -> xr.Dataset:
    """Return the digits that ship, or say which images a network of others needs."""
    digits = load_mnist28(split)
    try:
        network_inputs(network, digits)
    except InputError:
        needed = network.metadata.get("data", "data of your own")
        raise InputError(
            f"data: network {network.name} takes images of {network.inputs[0].dims[1:]}, and none "
            f"of these ship: give {needed}"
        ) from None
    return digits


def checked_target(
    network: DeepNetwork, data: xr.Dataset, inputs: Images, metric: metrics.Metric = "accuracy"
) -> NDArray[Any] | None:
    """Return labels or targets of all images, refused where they do not go with the outputs.

    One image is run, so that the shape of the outputs is known.
    """
    target = targets(data, images_of(inputs))
    session = Session(network.model.SerializeToString())
    outputs = first_outputs(session, network, {}, at(inputs, slice(1)))
    return metrics.checked_target(metric, (images_of(inputs), *outputs.shape[1:]), target)


def targets(data: xr.Dataset, images: int) -> NDArray[Any] | None:
    """Return labels or targets of all images, None where the data have none."""
    if "label" not in data:
        return None
    label = data["label"].values
    if label.shape[:1] != (images,):
        raise InputError(f"data: got 'label' of shape {label.shape}, expected ({images}, ...)")
    return np.asarray(label)


def images_of(inputs: Images) -> int:
    """Return the number of images."""
    return len(next(iter(inputs.values())))


def at(inputs: Images, places: Any) -> Images:
    """Return some of the images."""
    return {name: array[places] for name, array in inputs.items()}


def network_inputs(network: DeepNetwork, data: xr.Dataset) -> Images:
    """Return the inputs of all images, or refuse what the network does not take.

    The images are the variable ``inputs``, or that of the input's own name; the other inputs have
    variables of their own names. A state, in floating point, that is not given starts at zero.
    """
    first, *others = network.inputs
    if not isinstance(data, xr.Dataset) or not {"inputs", first.name} & data.keys():
        whole = isinstance(data, xr.Dataset)
        got = ", ".join(map(str, data.variables)) if whole else type(data).__name__
        raise InputError(
            f"data: got {got or 'nothing'}, network {network.name} takes {first.name} (or inputs)"
        )
    name = "inputs" if "inputs" in data else first.name
    out = {first.name: _numbers(network, first, data[name].values, name)}
    for other in others:
        if other.name in data:
            array = data[other.name].values
            if len(array) != images_of(out):
                raise InputError(
                    f"{other.name}: got {len(array)} images, {name} has {images_of(out)}"
                )
            out[other.name] = _numbers(network, other, array, other.name)
        elif other.dtype not in ("float32", "float64"):
            raise InputError(
                f"data: the network takes {other.name} of {other.dtype} {other.dims} too: give "
                f"it as a variable, or to load_network in fixed"
            )
    unknown = data.keys() - {"inputs", "label", *(each.name for each in network.inputs)}
    if unknown:
        raise InputError(
            f"data: got {', '.join(sorted(map(str, unknown)))}, network {network.name} takes "
            f"{', '.join(each.name for each in network.inputs)} (or inputs) and label"
        )
    return out


def _numbers(
    network: DeepNetwork, taken: Input, array: NDArray[Any], name: str
) -> NDArray[np.float32]:
    if not array.size:
        raise InputError(f"{name}: got no numbers, an array of shape {array.shape}")
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name}: got {array.dtype}, expected numbers")
    shape, axis = array.shape[1:], batch_axis(network, taken)
    expected = tuple(
        size if isinstance(size, int) else None for k, size in enumerate(taken.dims) if k != axis
    )
    fits = len(shape) == len(expected)
    if not fits or any(w not in (None, s) for s, w in zip(shape, expected, strict=True)):
        raise InputError(
            f"{name}: got images of shape {shape}, network {network.name} takes {expected}"
        )
    for start in range(0, len(array), _BATCH):
        _expect_in_range(network, taken, array[start : start + _BATCH], name)
    return np.ascontiguousarray(array, dtype=taken.dtype)


def _expect_in_range(network: DeepNetwork, taken: Input, block: NDArray[Any], name: str) -> None:
    """Refuse numbers that an input cannot hold."""
    kind = np.dtype(taken.dtype)
    if not np.isfinite(block).all():
        raise InputError(f"{name}: got numbers that are not finite")
    if kind.kind in "iu" and (block != np.trunc(block)).any():
        raise InputError(f"{name}: got {block.dtype}, network {network.name} takes {taken.dtype}")
    if kind.kind == "b":
        return
    limits = np.finfo(kind) if kind.kind == "f" else np.iinfo(kind)
    for extreme in (block.min(), block.max()):
        if not limits.min <= extreme <= limits.max:
            raise InputError(
                f"{name}: got {extreme:g}, network {network.name} takes {taken.dtype} of "
                f"{limits.min:g} to {limits.max:g}"
            )


def batch_axis(network: DeepNetwork, taken: Input) -> int:
    """Return the axis of an input that counts images."""
    first = network.inputs[0]
    if taken is first or taken.dims[0] == first.dims[0]:
        return 0
    same = [k for k, size in enumerate(taken.dims) if size == first.dims[0]]
    opened = [k for k, size in enumerate(taken.dims) if not isinstance(size, int)]
    return (same or opened or [0])[0]


def _states(network: DeepNetwork, images: Images, count: int) -> Images:
    """Zeros for the inputs that are not given; open sizes are those of the images' axes."""
    first = network.inputs[0]
    sizes = dict(zip(first.dims[1:], images[first.name].shape[1:], strict=True))
    out = {}
    for each in network.inputs[1:]:
        if each.name not in images:
            shape = [d if isinstance(d, int) else sizes.get(d, count) for d in each.dims]
            out[each.name] = np.zeros(shape, each.dtype)
    return out


def class_scores(
    session: Session,
    network: DeepNetwork,
    weights: Mapping[str, NDArray[np.float32]],
    inputs: Images,
) -> NDArray[np.float32]:
    """Return the network's first output, shape (images, classes), for given weights.

    Raises
    ------
    InputError
        The output has another shape.
    """
    scores = first_outputs(session, network, weights, inputs)
    if scores.ndim != 2 or len(scores) != images_of(inputs):
        raise InputError(
            f"network {network.name}: its first output has shape {scores.shape} for "
            f"{images_of(inputs)} images, expected (image, class)"
        )
    return scores


def first_outputs(
    session: Session,
    network: DeepNetwork,
    weights: Mapping[str, NDArray[np.float32]],
    inputs: Images,
    batch: int | None = None,
) -> NDArray[np.float32]:
    """Return the network's first output, shape (images, ...), for given weights.

    Raises
    ------
    InputError
        An output that has not the images as its first axis.
    """
    runs = run_batches(session, network, weights, inputs, batch)
    parts, count = [ran.outputs[0] for ran in runs], images_of(inputs)
    if parts[0].ndim and sum(map(len, parts)) >= count:
        return np.concatenate(parts)[:count]
    raise InputError(
        f"network {network.name}: its first output has shape {parts[0].shape} for "
        f"{count} images, expected (image, ...)"
    )


def run_batches(
    session: Session,
    network: DeepNetwork,
    weights: Mapping[str, NDArray[np.float32]],
    inputs: Images,
    batch: int | None = None,
) -> Iterator[Ran]:
    """Run batches of images, all of one size where the file fixes it."""
    size = network.batch or batch or _BATCH
    count = images_of(inputs)
    for start in range(0, count, size):
        part = at(inputs, slice(start, start + size))
        if network.batch and images_of(part) < size:
            part = {
                name: np.concatenate(
                    [array, np.zeros((size - len(array), *array.shape[1:]), array.dtype)]
                )
                for name, array in part.items()
            }
        states = _states(network, part, images_of(part))
        fed = {
            each.name: np.ascontiguousarray(
                np.moveaxis(part[each.name], 0, batch_axis(network, each))
            )
            for each in network.inputs
            if each.name in part
        }
        yield Ran(session.run(fed | states | dict(weights)), images_of(part))
