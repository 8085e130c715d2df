"""Accuracy, or input spikes, of a network on a chip, predicted from a card alone."""

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from pydantic import model_validator

from reliability.errors import InputError
from reliability.mission import MissionProfile
from reliability.network import DeepNetwork, Network, Neuron, evaluate, load_network
from reliability.network.deep.chips import default_tiling
from reliability.network.own_data import data_of
from reliability.technology import load_technology
from reliability.validation.blind_prediction import Absent, Prediction, Row


class AccuracyPrediction(Prediction):
    """Keys of the kind ``accuracy``."""

    card: str
    network: str
    time: str = "0 s"
    temperature: str = "25 degC"
    measured: float
    """Accuracy, a fraction of the images."""
    measured_images: int = 10_000
    measured_spikes: float | None = None
    chips: int = 3
    images: int = 1000
    test_data: str | None = None
    """Images of one's own, as `reliability.network.own_data.data_of` takes them."""
    scale: Literal["channel", "layer"] = "channel"
    """What one is among the weights of a deep network."""
    reference: str | None = None
    """Network in floating point; what is predicted is then the loss of accuracy from there."""
    measured_reference: float | None = None
    """Accuracy of the reference where the loss was measured."""
    draws: int = 60
    neuron: Literal["technology", "ideal"] = "technology"

    @model_validator(mode="after")
    def _fraction(self) -> "AccuracyPrediction":
        given = {"measured": self.measured, "measured_reference": self.measured_reference}
        for name, value in given.items():
            if value is not None and not 0 < value < 1:
                raise ValueError(f"{name}: got {value:g}, allowed between 0 and 1")
        if (self.reference is None) != (self.measured_reference is None):
            raise ValueError("reference and measured_reference: expected both or neither")
        return self

    def load_network(self, name: str) -> Network | DeepNetwork:
        """Return a network that ships, or a file among the data."""
        try:
            return load_network(self.file(name) if name.endswith((".onnx", ".toml")) else name)
        except InputError as reason:
            raise Absent(str(reason)) from None


def predict_accuracy(asked: AccuracyPrediction, name: str) -> list[Row]:
    """Return the row of the accuracy of one chip, and of its spikes where they were measured.

    With a reference, the row of the loss of accuracy against it on the same images.
    """
    network = asked.load_network(asked.network)
    data = data_of(asked.file(asked.test_data) if asked.test_data else None, "inputs")
    card = load_technology(asked.card)
    profile = MissionProfile.constant(asked.time, asked.temperature)
    accuracy, spikes = [], []
    for k in range(asked.draws):
        drawn = card.drawn(asked.seed, k)
        own: dict[str, Any] = {}
        if isinstance(network, Network):
            technology = asked.neuron == "technology"
            own["neuron"] = Neuron.from_technology(drawn) if technology else None
        elif asked.scale != "channel":
            own["tiling"] = replace(default_tiling(drawn), scale=asked.scale)
        found = evaluate(
            network, drawn, chips=asked.chips, images=asked.images, data=data, seed=asked.seed + k,
            profile=profile if profile.duration > 0 else None, **own,
        )  # fmt: skip
        accuracy.append(found["accuracy"].values)
        if "spikes" in found:
            spikes.append(found["spikes"].values)
    draws = np.concatenate(accuracy)
    error = float(np.sqrt(asked.measured * (1 - asked.measured) / asked.measured_images))
    what, measured = "accuracy", asked.measured
    if asked.reference is not None and asked.measured_reference is not None:
        ideal = evaluate(asked.load_network(asked.reference), images=asked.images, data=data)
        draws, what = ideal["accuracy"].item() - draws, "loss of accuracy"
        measured = asked.measured_reference - measured
    rows = [Row.of(what, name, draws, measured, error=error, unit="fraction")]
    if asked.measured_spikes is not None and spikes:
        rows.append(
            Row.of("input spikes per image", name, np.concatenate(spikes), asked.measured_spikes)
        )
    return rows
