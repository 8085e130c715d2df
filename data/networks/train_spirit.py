"""Train spirit.toml: one layer of 144 x 10 integer weights, -4 to +4, for 12x12 digits.

Softmax regression without bias. The forward pass uses the integer weights (the float weights
times ``--scale``, rounded and clipped); the gradient passes straight through the rounding. In
operation the network sees an image as a stream of events, drawn with a probability
proportional to the pixel value, so it is trained on such draws too: Poisson counts with a
mean total of ``--events`` per image.

The scale sets how fast a spiking network decides: larger weights need fewer events and err
more often. The default was chosen among 2.5, 2.6 and 2.7 for about 136 events per image on the
held-out images (threshold 4, decision at a lead of 10 spikes).

The last 10 000 of the shuffled training images are held out; the epoch is chosen by the
accuracy on them. The test images are only used for the figure reported at the end.

    python data/networks/train_spirit.py --out data/networks/spirit.toml

Needs the package with its ``train`` extra (torch). The result is the same for every run on one
machine; another torch version or processor may round differently and end at slightly different
weights.
"""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from reliability.network.training import Devices, IntegerLayer

INPUTS = 144
W_MAX = 4
INPUT_SUM = 20.0  # an image's inputs add up to this in training (about 19 as pixel / 255)
DATA = Path(__file__).resolve().parent.parent / "mnist12" / "mnist12.npz"


@dataclass(frozen=True)
class Settings:
    """The settings of one training run."""

    scale: float = 2.7
    events: int = 800
    epochs: int = 40
    batch: int = 500
    learning_rate: float = 3e-3
    held_out: int = 10_000
    seed: int = 1


@dataclass(frozen=True)
class Result:
    """The integer weights of the best epoch."""

    weights: NDArray[np.int8]
    epoch: int
    held_out_accuracy: float


def as_tensors(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
    """The images as rows of 144 floats (pixel values 0 to 255), and the labels."""
    x = torch.from_numpy(images.reshape(-1, INPUTS).astype(np.float32))
    return x, torch.from_numpy(labels.astype(np.int64))


def accuracy(levels: Tensor, x: Tensor, y: Tensor) -> float:
    """Fraction of images whose largest integer sum is that of their label."""
    return float(((x @ levels).argmax(dim=1) == y).float().mean())


def train(x: Tensor, y: Tensor, settings: Settings, devices: Devices | None = None) -> Result:
    """Train on all images but the held-out ones and return the best epoch on the latter.

    With devices the weights of each step are those that the cells read
    (`reliability.network.training`).
    """
    generator = torch.Generator().manual_seed(settings.seed)
    order = torch.randperm(len(x), generator=generator)
    part, held_out = order[: -settings.held_out], order[-settings.held_out :]

    rates = x / x.sum(dim=1, keepdim=True) * settings.events
    layer = IntegerLayer(
        x.shape[1], int(y.max()) + 1, scale=settings.scale, weight_max=W_MAX, devices=devices
    )
    optimizer = torch.optim.Adam(layer.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.epochs)
    best: Result | None = None
    for epoch in range(1, settings.epochs + 1):
        shuffled = part[torch.randperm(len(part), generator=generator)]
        for chosen in shuffled.split(settings.batch):
            inputs = torch.poisson(rates[chosen], generator=generator)
            inputs *= INPUT_SUM / settings.events
            loss = nn.functional.cross_entropy(layer(inputs), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()

        levels = layer.network("trained").weights
        score = accuracy(torch.from_numpy(levels.astype(np.float32)), x[held_out], y[held_out])
        if best is None or score > best.held_out_accuracy:
            best = Result(levels, epoch, score)
    if best is None:
        raise ValueError("epochs must be at least 1")
    return best


def to_toml(
    result: Result,
    settings: Settings,
    test_accuracy: float,
    data_sha256: str,
    *,
    script: str,
    head: str,
    origin: str,
) -> str:
    """The network file; ``head`` is its name, description and sizes."""
    rows = "\n".join(
        "  [" + ", ".join(f"{level:2d}" for level in row) + "]," for row in result.weights.tolist()
    )
    network = script.removeprefix("train_").removesuffix(".py")
    command = (
        f"python data/networks/{script}"
        f" --scale {settings.scale} --events {settings.events} --epochs {settings.epochs}"
        f" --seed {settings.seed} --out data/networks/{network}.toml"
    )
    return f'''# Written by {script}; do not edit by hand.
{head}
weight_min = {-W_MAX}
weight_max = {W_MAX}
licence = "MIT"
origin = "{origin}"
data_sha256 = "{data_sha256}"  # arrays

# Softmax regression with straight-through rounding: level = clip(round(scale * weight)).
scale = {settings.scale}
training_command = "{command}"
epoch = {result.epoch}  # best on the held-out samples
# Largest integer sum (no spikes), on {settings.held_out} held-out training and on the test samples.
held_out_accuracy = {result.held_out_accuracy:.4f}
test_accuracy = {test_accuracy:.4f}

weights = [
{rows}
]
'''


HEAD = '''name = "spirit"
description = """
One fully connected layer, 12x12 pixels to 10 digits, no bias, integer weights -4 to +4, as \\
used by spiking classifiers that keep their synapses in resistive memory. Row i of the \\
weights belongs to pixel (i // 12, i % 12), column j to digit j."""
inputs = 144
outputs = 10'''
ORIGIN = "Trained from scratch on the training images of data/mnist12; no weights from elsewhere."


def arguments(what: str, data: Path, default: Settings) -> tuple[argparse.Namespace, Settings]:
    """Command line of a training script."""
    parser = argparse.ArgumentParser(description=f"Train {what}.")
    parser.add_argument("--data", type=Path, default=data, metavar="FILE", help=data.name)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--scale", type=float, default=default.scale)
    parser.add_argument("--events", type=int, default=default.events)
    parser.add_argument("--epochs", type=int, default=default.epochs)
    parser.add_argument("--seed", type=int, default=default.seed)
    args = parser.parse_args()
    torch.set_num_threads(1)  # with more threads the order of float sums is not fixed
    torch.use_deterministic_algorithms(True)
    given = {name: getattr(args, name) for name in ("scale", "events", "epochs", "seed")}
    return args, replace(default, **given)


def main() -> None:
    """Command line entry."""
    args, settings = arguments("the 144 x 10 integer network", DATA, Settings())
    digest = hashlib.sha256()
    arrays: dict[str, NDArray[np.uint8]] = {}
    with np.load(args.data) as data:
        for name in ("train_images", "train_labels", "test_images", "test_labels"):
            arrays[name] = data[name]
            digest.update(arrays[name].tobytes())

    result = train(*as_tensors(arrays["train_images"], arrays["train_labels"]), settings)
    test_accuracy = accuracy(
        torch.from_numpy(result.weights.astype(np.float32)),
        *as_tensors(arrays["test_images"], arrays["test_labels"]),
    )
    text = to_toml(
        result, settings, test_accuracy, digest.hexdigest(),
        script="train_spirit.py", head=HEAD, origin=ORIGIN,
    )  # fmt: skip
    args.out.write_text(text, "utf-8")
    print(f"epoch {result.epoch}: held-out accuracy {result.held_out_accuracy:.4f}")
    print(f"test accuracy {test_accuracy:.4f}")


if __name__ == "__main__":
    main()
