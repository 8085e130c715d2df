"""Train mobilenet-mnist.onnx: a small depthwise-separable network for MNIST at 28x28.

A 3x3 convolution of stride 2, then four blocks of a 3x3 depthwise and a 1x1 convolution, each
with batch normalisation and ReLU6, then the mean over positions and a fully connected layer: the
form of MobileNet (A. G. Howard et al., arXiv:1704.04861) with about 18 000 weights. Batch
normalisation is folded into the convolutions, so that the file holds Conv, Clip,
GlobalAveragePool, Flatten and Gemm only.

Cells do not hold a weight exactly, so every batch is trained with other weights: normal noise of
``--noise`` times the largest magnitude of the output channel is added to each weight (V. Joshi
et al., Nat. Commun. 11, 2473 (2020), doi:10.1038/s41467-020-16108-9). Images are moved by up to
two pixels. The last 5 000 of the shuffled training images are held out and only watched; the
weights of the last epoch are kept. The test images give the figure reported at the end.

    python data/networks/train_mobilenet.py --idx FOLDER --out data/networks/mobilenet-mnist.onnx

FOLDER holds the four gzipped IDX files in which MNIST is distributed. Needs the ``train`` extra.
One thread and fixed seeds: the result is the same for every run on one machine; another torch
version or processor may round differently.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

HELD_OUT = 5_000
STEM = 16
BLOCKS = ((32, 1), (64, 2), (64, 1), (128, 2))  # output channels and stride of the depthwise part


@dataclass(frozen=True)
class Settings:
    """The settings of one training run."""

    noise: float = 0.06
    epochs: int = 12
    batch: int = 200
    learning_rate: float = 6e-3
    shift: int = 2
    seed: int = 1


class Noisy(nn.Module):
    """A layer whose weights are other ones on every training batch."""

    def __init__(self, layer: nn.Conv2d | nn.Linear, noise: float, generator: torch.Generator):
        super().__init__()
        self.layer, self.noise, self.generator = layer, noise, generator

    def forward(self, x: Tensor) -> Tensor:
        layer, weight = self.layer, self.layer.weight
        if self.training and self.noise:
            size = weight.detach().abs().amax(dim=tuple(range(1, weight.ndim)), keepdim=True)
            drawn = torch.randn(weight.shape, generator=self.generator)
            weight = weight + self.noise * size * drawn
        if isinstance(layer, nn.Linear):
            return nn.functional.linear(x, weight, layer.bias)
        return nn.functional.conv2d(
            x, weight, layer.bias, layer.stride, layer.padding, layer.dilation, layer.groups
        )


def build(noise: float, generator: torch.Generator) -> nn.Sequential:
    """The network with batch normalisation, as it is trained."""

    def convolution(inputs: int, outputs: int, kernel: int, stride: int, groups: int) -> list:
        layer = nn.Conv2d(
            inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False
        )
        return [Noisy(layer, noise, generator), nn.BatchNorm2d(outputs), nn.ReLU6()]

    layers = convolution(1, STEM, 3, 2, 1)
    channels = STEM
    for outputs, stride in BLOCKS:
        layers += convolution(channels, channels, 3, stride, channels)
        layers += convolution(channels, outputs, 1, 1, 1)
        channels = outputs
    head = Noisy(nn.Linear(channels, 10), noise, generator)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)


def moved(x: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """The images of a batch, moved together by up to ``most`` pixels each way."""
    dy, dx = (int(d) for d in torch.randint(-most, most + 1, (2,), generator=generator))
    return torch.roll(x, (dy, dx), dims=(2, 3))


def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Fraction of images whose largest output is that of their label, without noise."""
    model.eval()
    with torch.no_grad():
        hits = [(model(a).argmax(1) == b).sum() for a, b in zip(x.split(500), y.split(500))]  # noqa: B905
    return float(sum(hits)) / len(x)


def train(x: Tensor, y: Tensor, settings: Settings) -> tuple[nn.Sequential, float]:
    """Train on all images but the held-out ones; the network and its accuracy on the latter."""
    torch.manual_seed(settings.seed)
    generator = torch.Generator().manual_seed(settings.seed)
    order = torch.randperm(len(x), generator=generator)
    part, held_out = order[:-HELD_OUT], order[-HELD_OUT:]
    model = build(settings.noise, generator)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=1e-3)
    batches = len(part) // settings.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=settings.epochs * batches, pct_start=0.2
    )
    score = 0.0
    for epoch in range(settings.epochs):
        model.train()
        shuffled = part[torch.randperm(len(part), generator=generator)]
        for chosen in shuffled[: batches * settings.batch].split(settings.batch):
            loss = nn.functional.cross_entropy(
                model(moved(x[chosen], settings.shift, generator)), y[chosen]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        score = accuracy(model, x[held_out], y[held_out])
        print(f"epoch {epoch + 1}: held-out accuracy {score:.4f}", flush=True)
    return model, score


def to_onnx(model: nn.Sequential, metadata: dict[str, str]) -> onnx.ModelProto:
    """The network as ONNX, with batch normalisation folded into the convolutions."""
    nodes, constants = [], []

    def constant(name: str, values: NDArray) -> str:
        constants.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    limits = [constant("relu6_low", np.array(0.0)), constant("relu6_high", np.array(6.0))]
    at, number = "image", 0
    modules = list(model)
    for module, following in zip(modules, [*modules[1:], nn.Identity()], strict=True):
        if isinstance(module, Noisy) and isinstance(module.layer, nn.Conv2d):
            layer = module.layer
            if not isinstance(following, nn.BatchNorm2d):
                raise TypeError("every convolution has its batch normalisation")
            norm = following
            factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            weight = (layer.weight * factor[:, None, None, None]).detach().numpy()
            bias = (norm.bias - norm.running_mean * factor).detach().numpy()
            kind = "depthwise" if layer.groups > 1 else "pointwise"
            name = f"{kind}_{(number + 1) // 2}" if number else "stem"
            nodes.append(
                helper.make_node(
                    "Conv",
                    [at, constant(f"{name}_weight", weight), constant(f"{name}_bias", bias)],
                    [f"{name}_sum"],
                    name=name,
                    kernel_shape=list(layer.kernel_size),
                    strides=list(layer.stride),
                    pads=[*layer.padding, *layer.padding],
                    group=layer.groups,
                )
            )
            nodes.append(
                helper.make_node(
                    "Clip", [f"{name}_sum", *limits], [f"{name}_out"], name=f"{name}_relu6"
                )
            )
            at, number = f"{name}_out", number + 1
        elif isinstance(module, Noisy):
            linear = module.layer
            nodes += [
                helper.make_node("GlobalAveragePool", [at], ["mean"], name="mean"),
                helper.make_node("Flatten", ["mean"], ["features"], name="flatten"),
                helper.make_node(
                    "Gemm",
                    [
                        "features",
                        constant("classifier_weight", linear.weight.detach().numpy()),
                        constant("classifier_bias", linear.bias.detach().numpy()),
                    ],
                    ["scores"],
                    name="classifier",
                    transB=1,
                ),
            ]
    graph = helper.make_graph(
        nodes,
        "mobilenet-mnist",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 28, 28])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 10])],
        constants,
    )
    file = helper.make_model(
        graph,
        producer_name="train_mobilenet.py",
        ir_version=8,
        opset_imports=[helper.make_opsetid("", 17)],
    )
    helper.set_model_props(file, metadata)
    onnx.checker.check_model(file, full_check=True)
    return file


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read one gzipped IDX file of unsigned bytes."""
    raw = gzip.decompress(path.read_bytes())
    if raw[:3] != b"\x00\x00\x08":
        raise ValueError(f"{path.name}: not an IDX file of unsigned bytes")
    shape = [int(n) for n in np.frombuffer(raw, ">u4", count=raw[3], offset=4)]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def as_tensors(folder: Path, split: str) -> tuple[Tensor, Tensor, str]:
    """Images as (image, 1, row, column) from 0 to 1, labels, and the SHA-256 of both."""
    images = read_idx(folder / f"{split}-images-idx3-ubyte.gz")
    labels = read_idx(folder / f"{split}-labels-idx1-ubyte.gz")
    digest = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    x = torch.from_numpy(images.astype(np.float32) / np.float32(255))[:, None]
    return x, torch.from_numpy(labels.astype(np.int64)), digest


def main() -> None:
    """Command line entry."""
    default = Settings()
    parser = argparse.ArgumentParser(description="Train a depthwise-separable MNIST network.")
    parser.add_argument("--idx", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--noise", type=float, default=default.noise)
    parser.add_argument("--epochs", type=int, default=default.epochs)
    parser.add_argument("--seed", type=int, default=default.seed)
    args = parser.parse_args()

    torch.set_num_threads(1)  # with more threads the order of float sums is not fixed
    torch.use_deterministic_algorithms(True)
    x, y, digest = as_tensors(args.idx, "train")
    settings = Settings(noise=args.noise, epochs=args.epochs, seed=args.seed)
    model, held_out = train(x, y, settings)
    test_accuracy = accuracy(model, *as_tensors(args.idx, "t10k")[:2])
    metadata = {
        "description": "Depthwise-separable network for MNIST 28x28, pixels from 0 to 1.",
        "training_command": "python data/networks/train_mobilenet.py --idx FOLDER"
        f" --noise {settings.noise} --epochs {settings.epochs} --seed {settings.seed}"
        " --out data/networks/mobilenet-mnist.onnx",
        "training_noise": f"{settings.noise}",
        "held_out_accuracy": f"{held_out:.4f}",
        "test_accuracy_10000": f"{test_accuracy:.4f}",
        "train_sha256": digest,
        "licence": "MIT",
        "origin": "Trained from scratch on the 60 000 MNIST training images.",
    }
    args.out.write_bytes(to_onnx(model, metadata).SerializeToString())
    print(f"test accuracy {test_accuracy:.4f} on 10 000 images, {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
