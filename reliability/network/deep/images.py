"""Images of a deep network: which are taken, and what the network makes of them."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.network.datasets import evenly_spaced
from reliability.network.deep.onnx import DeepNetwork
from reliability.network.deep.runtime import Session

_BATCH = 250  # images of one run


def chosen_images(
    network: DeepNetwork, data: xr.Dataset, images: int | None
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Return inputs, labels and indices of ``images`` images, evenly spaced over the data."""
    inputs = network_inputs(network, data)
    chosen = evenly_spaced(len(inputs), images)
    labels = targets(data, len(inputs))
    if labels is None or labels.ndim != 1:
        raise InputError(f"data: expected 'label' of shape ({len(inputs)},), one for each image")
    if labels.dtype.kind not in "iu":
        raise InputError(f"label: got {labels.dtype}, expected integers")
    if labels.min() < 0:
        raise InputError(f"label: got {labels.min()}, expected 0 or more")
    return inputs[chosen], labels[chosen].astype(np.int64), chosen


def targets(data: xr.Dataset, images: int) -> NDArray[Any] | None:
    """Return labels or targets of all images, None where the data have none."""
    if "label" not in data:
        return None
    label = data["label"].values
    if label.shape[:1] != (images,):
        raise InputError(f"data: got 'label' of shape {label.shape}, expected ({images}, ...)")
    return np.asarray(label)


def network_inputs(network: DeepNetwork, data: xr.Dataset) -> NDArray[np.float32]:
    """Return the inputs of all images, or refuse what the network does not take."""
    if not isinstance(data, xr.Dataset) or "inputs" not in data or not data["inputs"].size:
        raise InputError("data: expected the variable 'inputs' (image, ...), as the network takes")
    inputs = data["inputs"].values
    if inputs.dtype.kind not in "fiub":
        raise InputError(f"inputs: got {inputs.dtype}, expected numbers")
    shape, expected_shape = inputs.shape[1:], network.input_shape
    fits = len(shape) == len(expected_shape)
    if not fits or any(w not in (None, s) for s, w in zip(shape, expected_shape, strict=True)):
        raise InputError(
            f"inputs: got images of shape {shape}, network {network.name} takes {expected_shape}"
        )
    if not np.isfinite(inputs).all():
        raise InputError("inputs: got numbers that are not finite")
    return np.ascontiguousarray(inputs, dtype=np.float32)


def class_scores(
    session: Session,
    network: DeepNetwork,
    weights: Mapping[str, NDArray[np.float32]],
    inputs: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return the network's first output, shape (images, classes), for given weights.

    Raises
    ------
    InputError
        The output has another shape.
    """
    scores = first_outputs(session, network, weights, inputs)
    if scores.ndim != 2 or len(scores) != len(inputs):
        raise InputError(
            f"network {network.name}: its first output has shape {scores.shape} for "
            f"{len(inputs)} images, expected (image, class)"
        )
    return scores


def first_outputs(
    session: Session,
    network: DeepNetwork,
    weights: Mapping[str, NDArray[np.float32]],
    inputs: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return the network's first output, shape (images, ...), for given weights.

    Raises
    ------
    InputError
        An output that has not the images as its first axis.
    """
    parts = [out[0] for out in run_batches(session, network, weights, inputs)]
    if parts[0].ndim and sum(map(len, parts)) >= len(inputs):
        return np.concatenate(parts)[: len(inputs)]
    raise InputError(
        f"network {network.name}: its first output has shape {parts[0].shape} for "
        f"{len(inputs)} images, expected (image, ...)"
    )


def run_batches(
    session: Session,
    network: DeepNetwork,
    weights: Mapping[str, NDArray[np.float32]],
    inputs: NDArray[np.float32],
) -> Iterator[list[NDArray[np.float32]]]:
    """Run batches of images, all of one size where the file fixes it."""
    size = network.batch or _BATCH
    for start in range(0, len(inputs), size):
        part = inputs[start : start + size]
        if network.batch and len(part) < size:
            part = np.concatenate([part, np.zeros((size - len(part), *part.shape[1:]), np.float32)])
        yield session.run({network.input_name: part, **weights})
