"""Train resnet-cifar10.onnx: a small residual network for CIFAR-10, and its noise-aware twin.

A 3x3 convolution of 24 channels, one of stride 2 to 48, two with a shortcut, one of stride 2 to
96, two with a shortcut, one of stride 2 (K. He et al., arXiv:1512.03385), each with batch
normalisation and ReLU, then the mean over positions and a fully connected layer: 345 000 weights,
26 million multiply-accumulates per image. Batch normalisation is folded into the convolutions, so
that the file holds Conv, Relu, Add, GlobalAveragePool, Flatten and Gemm only.

Images are RGB from 0 to 1; in training moved by up to four pixels and half of them mirrored. 2 500
of the shuffled training images are held out and only watched; the weights of the last epoch are
kept. The test images give the figure reported at the end.

    python data/networks/train_cifar10.py --images COPY --out data/networks/resnet-cifar10.onnx
    python data/networks/train_cifar10.py --images COPY --noise 0.08 --epochs 10
        --rate 0.1 --start resnet-cifar10.pt --out data/networks/resnet-cifar10-aware.onnx

COPY is whatever ``reliability.load_cifar10`` reads. The second command makes the twin from the
checkpoint that the first leaves beside its result: every batch is trained with other weights,
normal noise of ``--noise`` times the largest magnitude of the output channel added to each, and
weights beyond 2.5 standard deviations of their channel are clipped (V. Joshi et al., Nat. Commun.
11, 2473 (2020), doi:10.1038/s41467-020-16108-9).

Needs the ``train`` extra. One thread and fixed seeds. Products are computed in bfloat16 (weights
and sums of the optimiser in float32), on processors with units for it three times as fast.
"""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from train_mobilenet import Noisy, accuracy

from reliability.network.cifar10 import load_cifar10

HELD_OUT = 2_500
CLIP = 2.5  # standard deviations of the channel's weights
SHIFT = 4  # pixels


@dataclass(frozen=True)
class Settings:
    """The settings of one training run."""

    noise: float = 0.0
    epochs: int = 24
    rate: float = 0.4
    batch: int = 128
    width: int = 24
    seed: int = 1


class Convolution(nn.Module):
    """A 3x3 convolution, its weights other ones on every batch, and its batch normalisation."""

    def __init__(
        self, inputs: int, outputs: int, stride: int, noise: float, source: torch.Generator
    ):
        super().__init__()
        layer = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.noisy, self.norm = Noisy(layer, noise, source), nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.noisy(x))


class Residual(nn.Module):
    """Two convolutions with a shortcut."""

    def __init__(self, channels: int, noise: float, source: torch.Generator):
        super().__init__()
        self.first = Convolution(channels, channels, 1, noise, source)
        self.second = Convolution(channels, channels, 1, noise, source)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(torch.relu(self.first(x)))


def build(settings: Settings, source: torch.Generator) -> nn.Sequential:
    """The network as it is trained."""
    w, noise = settings.width, settings.noise
    modules = [
        Convolution(3, w, 1, noise, source),
        Convolution(w, 2 * w, 2, noise, source),
        Residual(2 * w, noise, source),
        Convolution(2 * w, 4 * w, 2, noise, source),
        Residual(4 * w, noise, source),
        Convolution(4 * w, 4 * w, 2, noise, source),
    ]
    layers = [layer for module in modules for layer in (module, nn.ReLU())]
    head = Noisy(nn.Linear(4 * w, 10), noise, source)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)


def augmented(x: Tensor, source: torch.Generator) -> Tensor:
    """Images each moved by up to SHIFT pixels, half of them mirrored."""
    n, size = len(x), x.shape[-1]
    padded = nn.functional.pad(x, (SHIFT,) * 4)
    dy, dx = torch.randint(0, 2 * SHIFT + 1, (2, n, 1), generator=source)
    span = torch.arange(size)
    mirrored = torch.rand(n, 1, generator=source) < 0.5
    columns = dx + torch.where(mirrored, size - 1 - span, span)
    moved = padded.permute(0, 2, 3, 1)[
        torch.arange(n)[:, None, None], (dy + span)[:, :, None], columns[:, None, :]
    ]
    return moved.permute(0, 3, 1, 2)  # in memory, channels are last


def clip(model: nn.Module) -> None:
    """Clip weights beyond CLIP standard deviations of their output channel."""
    for module in model.modules():
        if isinstance(module, Noisy):
            weight = module.layer.weight.data
            most = CLIP * weight.flatten(1).std(1).reshape(-1, *[1] * (weight.ndim - 1))
            weight.copy_(weight.clamp(-most, most))


def train(
    x: Tensor, y: Tensor, settings: Settings, start: Path | None, checkpoint: Path
) -> tuple[nn.Sequential, float]:
    """Train on all images but the held-out ones; the network and its accuracy on the latter."""
    torch.manual_seed(settings.seed)
    source = torch.Generator().manual_seed(settings.seed)
    order = torch.randperm(len(x), generator=source)
    part, held_out = order[:-HELD_OUT], order[-HELD_OUT:]
    model = build(settings, source).to(memory_format=torch.channels_last)
    if start:
        model.load_state_dict(torch.load(start, weights_only=True))
    optimizer = torch.optim.SGD(
        model.parameters(), settings.rate, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    batches = len(part) // settings.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.rate, total_steps=settings.epochs * batches, pct_start=0.2
    )
    score = 0.0
    for epoch in range(settings.epochs):
        model.train()
        shuffled = part[torch.randperm(len(part), generator=source)]
        total = 0.0
        for chosen in shuffled[: batches * settings.batch].split(settings.batch):
            images = augmented(x[chosen], source)
            with torch.autocast("cpu", torch.bfloat16):
                scores = model(images)
            loss = nn.functional.cross_entropy(scores.float(), y[chosen], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            if settings.noise:
                clip(model)
            total += float(loss.detach())
        score = accuracy(model, x[held_out], y[held_out])
        print(
            f"epoch {epoch + 1}: loss {total / batches:.3f}, held-out accuracy {score:.4f}",
            flush=True,
        )
        torch.save(model.state_dict(), checkpoint)
    return model, score


def to_onnx(model: nn.Sequential, metadata: dict[str, str]) -> onnx.ModelProto:
    """The network as ONNX, with batch normalisation folded into the convolutions."""
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def constant(name: str, values: Tensor) -> str:
        held = np.ascontiguousarray(values.detach().numpy(), np.float32)
        constants.append(numpy_helper.from_array(held, name))
        return name

    def add(operator: str, inputs: list[str], out: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(operator, inputs, [out], name=out, **attributes))
        return out

    def convolution(x: str, module: Convolution) -> str:
        layer, norm = module.noisy.layer, module.norm
        factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        name = f"conv_{sum(node.op_type == 'Conv' for node in nodes) + 1}"
        weight = constant(f"{name}_weight", layer.weight * factor[:, None, None, None])
        bias = constant(f"{name}_bias", norm.bias - norm.running_mean * factor)
        return add("Conv", [x, weight, bias], name, strides=list(layer.stride), pads=[1] * 4)

    x = "image"
    for k, module in enumerate(model):
        if isinstance(module, Convolution):
            x = convolution(x, module)
        elif isinstance(module, Residual):
            y = convolution(x, module.first)
            y = convolution(add("Relu", [y], f"{y}_relu"), module.second)
            x = add("Add", [x, y], f"sum_{k}")
        elif isinstance(module, nn.ReLU):
            x = add("Relu", [x], f"{x}_relu")
        elif isinstance(module, Noisy):
            mean = add("GlobalAveragePool", [x], "mean")
            weight = constant("classifier_weight", module.layer.weight)
            bias = constant("classifier_bias", module.layer.bias)
            features = add("Flatten", [mean], "features")
            x = add("Gemm", [features, weight, bias], "classifier", transB=1)
    ends = {"image": ["N", 3, 32, 32], x: ["N", 10]}
    values = [helper.make_tensor_value_info(k, TensorProto.FLOAT, v) for k, v in ends.items()]
    graph = helper.make_graph(nodes, "resnet-cifar10", values[:1], values[1:], constants)
    file = helper.make_model(
        graph,
        producer_name="train_cifar10.py",
        ir_version=8,
        opset_imports=[helper.make_opsetid("", 17)],
    )
    helper.set_model_props(file, metadata)
    onnx.checker.check_model(file, full_check=True)
    return file


def as_tensors(copy: Path, split: Literal["train", "test"]) -> tuple[Tensor, Tensor, str]:
    """Images as (image, 3, row, column) from 0 to 1, labels, and the SHA-256 of both."""
    data = load_cifar10(copy, split)
    images, labels = data["inputs"].values, data["label"].values
    digest = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    return torch.from_numpy(images), torch.from_numpy(labels), digest


def main() -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(description="Train a residual network for CIFAR-10.")
    parser.add_argument("--images", type=Path, required=True, metavar="COPY")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--start", type=Path, metavar="CHECKPOINT")
    for field in fields(Settings):
        parser.add_argument(f"--{field.name}", type=type(field.default), default=field.default)
    args = parser.parse_args()
    settings = Settings(**{field.name: getattr(args, field.name) for field in fields(Settings)})

    torch.set_num_threads(1)  # with more threads the order of float sums is not fixed
    x, y, digest = as_tensors(args.images, "train")
    model, held_out = train(x, y, settings, args.start, args.out.with_suffix(".pt"))
    test_accuracy = accuracy(model, *as_tensors(args.images, "test")[:2])
    options = " ".join(f"--{name} {value}" for name, value in asdict(settings).items())
    start = f" --start {args.start.name}" if args.start else ""
    metadata = {
        "description": "Residual network for CIFAR-10, RGB from 0 to 1.",
        "data": "your own copy of CIFAR-10 (folder or archive of the python, binary or JPEG "
        "version)",
        "training_command": f"python data/networks/train_cifar10.py --images COPY {options}{start}"
        f" --out {args.out.name}",
        "training_noise": f"{settings.noise}",
        "held_out_accuracy": f"{held_out:.4f}",
        "test_accuracy_10000": f"{test_accuracy:.4f}",
        "train_sha256": digest,
        "licence": "MIT",
        "origin": f"Trained on {len(x) - HELD_OUT} of the training images of CIFAR-10.",
    }
    args.out.write_bytes(to_onnx(model.eval(), metadata).SerializeToString())
    print(f"test accuracy {test_accuracy:.4f} on 10 000 images, {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
