"""Samples as events in time, and as the counts that the other codings take.

Data for a network of one layer come in one of two forms:

- images: ``pixels`` (sample, input), uint8. In time coding each input that is not zero sends one
  event, the stronger the earlier: at the fraction (255 - pixel) / 255 of a window of time [1]_.
  Events of one time are sent in the order of the inputs.
- streams, as a sensor sends them: ``input`` (sample, event), the input of each event in order of
  time and -1 beyond the last, and ``time`` (sample, event) in s. The other codings take how often
  each input is active in the sample.

Both have ``label`` (sample).

.. [1] B. Rueckauer and S.-C. Liu, "Conversion of analog to spiking neural networks using sparse
   temporal coding", ISCAS 2018.
"""

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError, expect
from reliability.network.datasets import DATA_SETS
from reliability.network.one_layer.model import Network

_BRIGHTEST = 255


class Events(NamedTuple):
    """Events of samples in order of time, padded to the longest sample."""

    source: NDArray[np.uint16]  # (samples, most events), the input of each
    time: NDArray[np.float32]  # (samples, most events), s, or fraction of the window
    length: NDArray[np.int32]  # (samples,), the number of events

    def of(self, samples: NDArray[np.int64] | slice) -> "Events":
        """Return the events of some samples."""
        return Events(self.source[samples], self.time[samples], self.length[samples])


def default_data(network: Network) -> xr.Dataset:
    """Return the test set of the data that a network was trained for.

    >>> from reliability.network.loading import load_network
    >>> default_data(load_network("spirit")).sizes["pixel"]
    144
    """
    return DATA_SETS[network.data]("test")


def intensities(data: xr.Dataset, network: Network) -> NDArray[np.uint8]:
    """Return how strong each input of each sample is: its pixel, or how many events it sends.

    Raises
    ------
    InputError
        Data of another form, or for another number of inputs or outputs than the network has.

    Examples
    --------
    >>> from reliability.network.loading import load_network
    >>> vowels = load_network("vowels")
    >>> intensities(default_data(vowels), vowels).shape
    (370, 72)
    """
    _check(data, network)
    if "pixels" in data:
        return data["pixels"].values
    source = data["input"].values
    samples = np.arange(len(source))[:, None] * network.inputs
    flat = (samples + source)[source >= 0]
    counts = np.bincount(flat, minlength=len(source) * network.inputs)
    return np.minimum(counts, _BRIGHTEST).astype(np.uint8).reshape(len(source), network.inputs)


def events_in_time(data: xr.Dataset) -> Events:
    """Return the events of samples: those of a stream, or one for each pixel that is not zero.

    Examples
    --------
    >>> images = xr.Dataset({"pixels": (("image", "pixel"), np.array([[0, 51, 255]], np.uint8))})
    >>> events = events_in_time(images)
    >>> events.source[0, :2].tolist(), events.time[0, :2].round(3).tolist(), events.length.tolist()
    ([2, 1], [0.0, 0.800000011920929], [2])
    """
    if "pixels" in data:
        pixels = data["pixels"].values
        order = np.argsort(_BRIGHTEST - pixels, axis=1, kind="stable").astype(np.uint16)
        late = _BRIGHTEST - np.take_along_axis(pixels, order, axis=1)
        time = late.astype(np.float32) / np.float32(_BRIGHTEST)
        return Events(order, time, np.count_nonzero(pixels, axis=1).astype(np.int32))
    source = data["input"].values
    count = (source >= 0).sum(axis=1, dtype=np.int32)
    return Events(np.maximum(source, 0).astype(np.uint16), data["time"].values, count)


def _check(data: xr.Dataset, network: Network) -> None:
    """Refuse data that the network cannot take."""
    expect(data, xr.Dataset, "data", "a Dataset with label, and pixels or input and time")
    if not ({"pixels"} <= set(data) or {"input", "time"} <= set(data)):
        raise InputError(
            f"data: got {', '.join(map(str, data)) or 'nothing'}; expected label, and pixels or "
            "input and time"
        )
    if "pixels" in data:
        pixels = data["pixels"]
        if pixels.dtype != np.uint8 or pixels.ndim != 2:
            raise InputError(f"data: pixels: got {pixels.dtype} of shape {pixels.shape}, expected "
                             "uint8 (sample, input)")  # fmt: skip
        inputs = pixels.shape[1]
    else:
        source, time = data["input"].values, data["time"].values
        if source.ndim != 2 or not np.issubdtype(source.dtype, np.integer):
            raise InputError(f"data: input: got {source.dtype} of shape {source.shape}, expected "
                             "integers (sample, event)")  # fmt: skip
        there = source >= 0
        if (there[:, 1:] > there[:, :-1]).any():
            raise InputError("data: input: got an event after a -1, which ends a sample")
        if ((time[:, 1:] < time[:, :-1]) & there[:, 1:]).any():
            raise InputError("data: time: got an event before the one it follows")
        inputs = int(data.attrs.get("inputs", source.max(initial=-1) + 1))
        if source.max(initial=-1) >= inputs:
            raise InputError(f"data: input: got {source.max()}, allowed 0 to {inputs - 1}")
    if inputs != network.inputs:
        raise InputError(
            f"data: got {inputs} inputs a sample, network {network.name} takes {network.inputs}"
        )
    known = {"label", "pixels"} if "pixels" in data else {"label", "input", "time"}
    if unknown := set(data) - known:
        raise InputError(
            f"data: got {', '.join(sorted(map(str, unknown)))}, network {network.name} takes "
            f"{', '.join(sorted(known))}"
        )
