"""Samples as events in time, and data that a network cannot take."""

import numpy as np
import pytest
import xarray as xr

import reliability as rel
from reliability.network.one_layer.events import events_in_time


def test_a_pixel_sends_one_event_the_brighter_the_earlier() -> None:
    pixels = np.array([[0, 10, 255, 10], [0, 0, 0, 0]], np.uint8)
    events = events_in_time(xr.Dataset({"pixels": (("image", "pixel"), pixels)}))
    assert events.length.tolist() == [3, 0]
    assert events.source[0, :3].tolist() == [2, 1, 3]  # of equals the first input
    assert events.time[0, :3] == pytest.approx([0, 245 / 255, 245 / 255])


def _stream(source, time=None, inputs=2) -> xr.Dataset:
    source = np.asarray(source)
    time = np.zeros(source.shape) if time is None else np.asarray(time)
    return xr.Dataset(
        {"input": (("sample", "event"), source), "time": (("sample", "event"), time),
         "label": ("sample", np.zeros(len(source), int))},
        attrs={"inputs": inputs},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (_stream([[0, 1]], inputs=3), "got 3 inputs a sample, network two takes 2"),
        (_stream([[0, 2]]), "got 2, allowed 0 to 1"),
        (_stream([[-1, 1]]), "an event after a -1"),
        (_stream([[0, 1]], time=[[1.0, 0.5]]), "an event before the one it follows"),
        (_stream([[0.0, 1.0]]), "expected integers"),
        (_stream([[0]]).drop_vars("time"), "expected label, and pixels or input and time"),
        (_stream([[0]]).assign(label=("sample", [7])), "label: got 7, allowed 0 to 1"),
    ],
)
@pytest.mark.parametrize("coding", ["rate", "weighted_sum", "first_spike"])
def test_data_that_the_network_cannot_take_are_refused(data, says, coding) -> None:
    net = rel.Network("two", np.array([[1, 0], [0, 1]]), weight_max=1)
    with pytest.raises(rel.InputError, match=says):
        rel.evaluate(net, data=data, coding=coding)


def test_images_for_another_network_are_refused_with_both_shapes() -> None:
    with pytest.raises(rel.InputError, match="got 144 inputs a sample, network vowels takes 72"):
        rel.evaluate(rel.load_network("vowels"), data=rel.load_mnist())
    with pytest.raises(rel.InputError, match="images: got 371, allowed 1 to 370"):
        rel.evaluate(rel.load_network("vowels"), images=371)
