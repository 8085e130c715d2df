"""Train binary-mnist.onnx and binary-mnist-aware.onnx: weights of -1 and +1 for MNIST at 28x28.

Three fully connected layers (784, 256, 256, 10) of binary weights, each with batch normalisation,
and the sign between them (M. Courbariaux et al., arXiv:1602.02830). Behind each binary weight is a
real one; the forward pass uses its sign and the gradient passes straight through.

With ``--error-rate`` each binary weight is turned over with that probability, anew for every
batch, so that the network learns to work with weights some of which are wrong (T. Hirtzlin et al.,
arXiv:1904.03652). The last 5 000 of the shuffled training images are held out and only watched;
the weights of the last epoch are kept.

    python data/networks/train_binary.py --idx FOLDER --out data/networks/binary-mnist.onnx
    python data/networks/train_binary.py --idx FOLDER --error-rate 0.04 \\
        --out data/networks/binary-mnist-aware.onnx

FOLDER holds the four gzipped IDX files in which MNIST is distributed. Needs the ``train`` extra.
One thread and fixed seeds, as ``train_mobilenet.py``.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from train_mobilenet import HELD_OUT, accuracy, as_tensors, moved

SIZES = (784, 256, 256, 10)


@dataclass(frozen=True)
class Settings:
    """The settings of one training run."""

    error_rate: float = 0.0
    epochs: int = 60
    batch: int = 200
    learning_rate: float = 3e-3
    shift: int = 1
    seed: int = 1


class Binary(nn.Module):
    """A fully connected layer of which the signs of the weights count."""

    def __init__(self, inputs: int, outputs: int, rate: float, generator: torch.Generator):
        super().__init__()
        self.weight = nn.Parameter(0.1 * torch.randn(outputs, inputs, generator=generator))
        self.rate, self.generator = rate, generator

    def signs(self) -> Tensor:
        """The binary weights."""
        return torch.where(self.weight.detach() >= 0, 1.0, -1.0)

    def forward(self, x: Tensor) -> Tensor:
        signs = self.signs()
        if self.training and self.rate:
            wrong = torch.rand(signs.shape, generator=self.generator) < self.rate
            signs = torch.where(wrong, -signs, signs)
        # the value is the sign, the gradient that of the real weight
        return nn.functional.linear(x, self.weight + (signs - self.weight).detach())


class Sign(nn.Module):
    """The sign, with the gradient of a straight line between -1 and 1."""

    def forward(self, x: Tensor) -> Tensor:
        return x.clamp(-1, 1) + (torch.sign(x) - x.clamp(-1, 1)).detach()


def build(rate: float, generator: torch.Generator) -> nn.Sequential:
    """The network as it is trained."""
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise(SIZES):
        layers += [Binary(inputs, outputs, rate, generator), nn.BatchNorm1d(outputs), Sign()]
    return nn.Sequential(*layers[:-1])


def train(x: Tensor, y: Tensor, settings: Settings) -> tuple[nn.Sequential, float]:
    """Train on all images but the held-out ones; the network and its accuracy on the latter."""
    torch.manual_seed(settings.seed)
    generator = torch.Generator().manual_seed(settings.seed)
    order = torch.randperm(len(x), generator=generator)
    part, held_out = order[:-HELD_OUT], order[-HELD_OUT:]
    model = build(settings.error_rate, generator)
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    batches = len(part) // settings.batch
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.epochs * batches)
    score = 0.0
    for epoch in range(settings.epochs):
        model.train()
        shuffled = part[torch.randperm(len(part), generator=generator)]
        for chosen in shuffled[: batches * settings.batch].split(settings.batch):
            images = moved(x[chosen], settings.shift, generator)
            loss = nn.functional.cross_entropy(model(images), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                for layer in model:
                    if isinstance(layer, Binary):
                        layer.weight.clamp_(-1, 1)  # beyond, a sign would never turn again
        score = accuracy(model, x[held_out], y[held_out])
        print(f"epoch {epoch + 1}: held-out accuracy {score:.4f}", flush=True)
    return model, score


def to_onnx(model: nn.Sequential, name: str, metadata: dict[str, str]) -> onnx.ModelProto:
    """The network as ONNX: int8 weights, products, batch normalisation as a factor and a sum."""
    nodes = [helper.make_node("Flatten", ["image"], ["pixels"], name="flatten")]
    constants = []
    at = "pixels"
    pairs = [
        (layer, norm)
        for layer, norm in pairwise(model)
        if isinstance(layer, Binary) and isinstance(norm, nn.BatchNorm1d)
    ]
    for number, (layer, norm) in enumerate(pairs, start=1):
        factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        held = {
            "signs": layer.signs().numpy().T.astype(np.int8),
            "factor": factor.detach().numpy(),
            "shift": (norm.bias - norm.running_mean * factor).detach().numpy(),
        }
        keys = {key: f"layer_{number}_{key}" for key in held}
        constants += [numpy_helper.from_array(held[key].copy(), keys[key]) for key in held]
        weight, total, scaled, out = (
            f"layer_{number}_{key}" for key in ("weight", "sum", "scaled", "out")
        )
        last = number == len(pairs)
        nodes += [
            helper.make_node("Cast", [keys["signs"]], [weight], to=TensorProto.FLOAT),
            helper.make_node("MatMul", [at, weight], [total], name=f"layer_{number}"),
            helper.make_node("Mul", [total, keys["factor"]], [scaled]),
            helper.make_node("Add", [scaled, keys["shift"]], ["scores" if last else f"{out}_real"]),
        ]
        if not last:
            nodes.append(helper.make_node("Sign", [f"{out}_real"], [out]))
        at = out
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 28, 28])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 10])],
        constants,
    )
    file = helper.make_model(
        graph,
        producer_name="train_binary.py",
        ir_version=8,
        opset_imports=[helper.make_opsetid("", 17)],
    )
    helper.set_model_props(file, metadata)
    onnx.checker.check_model(file, full_check=True)
    return file


def main() -> None:
    """Command line entry."""
    default = Settings()
    parser = argparse.ArgumentParser(description="Train a binary MNIST network.")
    parser.add_argument("--idx", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--error-rate", type=float, default=default.error_rate)
    parser.add_argument("--epochs", type=int, default=default.epochs)
    parser.add_argument("--seed", type=int, default=default.seed)
    args = parser.parse_args()

    torch.set_num_threads(1)  # with more threads the order of float sums is not fixed
    torch.use_deterministic_algorithms(True)
    x, y, digest = as_tensors(args.idx, "train")
    settings = Settings(error_rate=args.error_rate, epochs=args.epochs, seed=args.seed)
    model, held_out = train(x, y, settings)
    test_accuracy = accuracy(model, *as_tensors(args.idx, "t10k")[:2])
    name = args.out.stem
    metadata = {
        "description": "Fully connected network of binary weights for MNIST 28x28, pixels 0 to 1.",
        "training_command": "python data/networks/train_binary.py --idx FOLDER"
        f" --error-rate {settings.error_rate} --epochs {settings.epochs} --seed {settings.seed}"
        f" --out data/networks/{name}.onnx",
        "training_error_rate": f"{settings.error_rate}",
        "held_out_accuracy": f"{held_out:.4f}",
        "test_accuracy_10000": f"{test_accuracy:.4f}",
        "train_sha256": digest,
        "licence": "MIT",
        "origin": "Trained from scratch on the 60 000 MNIST training images.",
    }
    args.out.write_bytes(to_onnx(model, name, metadata).SerializeToString())
    print(f"test accuracy {test_accuracy:.4f} on 10 000 images, {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
