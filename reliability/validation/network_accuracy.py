"""Accuracy, or input spikes, of a network on a chip, predicted from a card alone."""

from typing import Literal

import numpy as np
from pydantic import model_validator

from reliability.errors import InputError
from reliability.mission import MissionProfile
from reliability.network import Network, Neuron, evaluate, load_network
from reliability.technology import load_technology
from reliability.validation.prediction import Absent, Prediction, Row


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
    draws: int = 60
    neuron: Literal["technology", "ideal"] = "technology"

    @model_validator(mode="after")
    def _fraction(self) -> "AccuracyPrediction":
        if not 0 < self.measured < 1:
            raise ValueError(f"measured: got {self.measured:g}, allowed between 0 and 1")
        return self


def predict_accuracy(asked: AccuracyPrediction, name: str) -> list[Row]:
    """Return the row of the accuracy of one chip, and of its spikes where they were measured."""
    try:
        network = load_network(asked.network)
    except InputError as reason:
        raise Absent(str(reason)) from None
    card = load_technology(asked.card)
    profile = MissionProfile.constant(asked.time, asked.temperature)
    accuracy, spikes = [], []
    for k in range(asked.draws):
        drawn = card.drawn(asked.seed, k)
        one_layer = isinstance(network, Network)
        neuron = Neuron.from_technology(drawn) if asked.neuron == "technology" else None
        found = evaluate(
            network, drawn, chips=asked.chips, images=asked.images, seed=asked.seed + k,
            profile=profile if profile.duration > 0 else None, neuron=neuron if one_layer else None,
        )  # fmt: skip
        accuracy.append(found["accuracy"].values)
        if "spikes" in found:
            spikes.append(found["spikes"].values)
    draws = np.concatenate(accuracy)
    error = float(np.sqrt(asked.measured * (1 - asked.measured) / asked.measured_images))
    rows = [Row.of("accuracy", name, draws, asked.measured, error=error, unit="fraction")]
    if asked.measured_spikes is not None and spikes:
        rows.append(
            Row.of("input spikes per image", name, np.concatenate(spikes), asked.measured_spikes)
        )
    return rows
