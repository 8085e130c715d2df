"""Ten models of public packages, on inputs such as they are made for.

Of each model ideal cells must decide as the network does in floating point, and it must not decide
the same of all inputs. Run where the packages are: ``pip install --no-deps silero-vad==6.2.3
magika==1.0.3 rapidocr-onnxruntime==1.4.4``.
"""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import reliability as rel

pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.slow
WORDS = ("Reliability", "memory 2026", "oxide filament", "drift & noise", "array size 128")


def model(package: str, path: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"{package} is not installed")
    return Path(spec.origin).parent / path


def speech() -> np.ndarray:
    """Three seconds at 16 kHz: vowels of a voice between pauses, over faint noise."""
    rng, rate = np.random.default_rng(0), 16000
    t = np.arange(3 * rate) / rate
    pitch = 120 * (1 + 0.08 * np.sin(2 * np.pi * 2.1 * t))
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    source = sum(np.cos(k * phase) / k for k in range(1, 30))
    out = np.zeros_like(t)
    for start, formants in ((0.4, (700, 1200, 2600)), (0.75, (300, 2200, 3000)),
                            (1.1, (500, 900, 2500)), (2.0, (650, 1700, 2500)),
                            (2.35, (350, 800, 2400))):  # fmt: skip
        voiced = np.exp(-(((t - start - 0.13) / 0.12) ** 4)) * source
        spectrum, f = np.fft.rfft(voiced), np.fft.rfftfreq(t.size, 1 / rate)
        shape = sum(1 / (1 + ((f - formant) / 80) ** 2) for formant in formants)
        out += np.fft.irfft(spectrum * shape, t.size)
    return (0.3 * out / np.abs(out).max() + 1e-3 * rng.normal(size=t.size)).astype(np.float32)


def frames() -> np.ndarray:
    """Frames of 512 samples, each behind 64 samples of the one before."""
    sound = speech()
    frame = sound[: sound.size // 512 * 512].reshape(-1, 512)
    before = np.concatenate([np.zeros((1, 64), np.float32), frame[:-1, -64:]])
    return np.concatenate([before, frame], axis=1)


@pytest.mark.parametrize(
    ("name", "fixed"),
    [("silero_vad.onnx", True), ("silero_vad_16k_op15.onnx", True),
     ("silero_vad_op18_ifless.onnx", True), ("silero_vad_half.onnx", False),
     ("silero_vad_openvino_16k.onnx", False), ("silero_vad_16k_sequence.onnx", False)],
)  # fmt: skip
def test_voice_is_detected(name, fixed) -> None:
    """Voice and pauses are told apart; ideal cells tell them apart in the same frames."""
    x = frames()
    given = {"inputs": x} | ({"sr": 16000} if fixed else {})
    found = rel.evaluate(model("silero_vad", f"data/{name}"), data=(given, None),
                         metric="agreement", outputs=True)  # fmt: skip
    assert found["agreement"].item() == 1
    voiced = found["outputs"].values.reshape(-1) > 0.5
    assert 0.1 < voiced.mean() < 0.9
    assert not voiced[:8].any()


def test_kinds_of_files_are_told(repository) -> None:
    """Files of this repository: their kinds by their names, on ideal cells."""
    path = model("magika", "models/standard_v3_3/model.onnx")
    settings = json.loads((path.parent / "config.min.json").read_text())
    kinds = {"python": "*.py", "markdown": "*.md", "toml": "*.toml", "onnx": "*.onnx",
             "svg": "*.svg"}  # fmt: skip
    rows, label = [], []
    for kind, pattern in kinds.items():
        files = (f for folder in ("data", "docs", "reliability")
                 for f in (repository / folder).rglob(pattern))  # fmt: skip
        for file in sorted(files, key=lambda f: f.stat().st_size)[-6:]:
            content = file.read_bytes()
            head, tail = content[:4096].lstrip()[:1024], content[-4096:].rstrip()[-1024:]
            rows.append(np.frombuffer(head + tail, np.uint8).astype(np.int32))
            label.append(settings["target_labels_space"].index(kind))
    x, y = np.stack(rows), np.array(label)
    assert len(set(label)) == len(kinds)
    assert rel.evaluate(path, data=(x, y))["accuracy"].item() > 0.9
    agreed = rel.evaluate(path, data=x, metric="agreement", outputs=True)
    assert agreed["agreement"].item() == 1
    assert len(set(agreed["outputs"].values[0].argmax(axis=-1))) >= len(kinds)


def line(text: str, height: int, width: int, turned: bool = False) -> np.ndarray:
    """An image (3, height, width) of a line of text, from -1 to 1."""
    from matplotlib import font_manager
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), int(0.68 * height))
    image = Image.new("L", (width, height), 255)
    ImageDraw.Draw(image).text((8, 0.08 * height), text, 20, font)
    pixels = np.asarray(image.rotate(180) if turned else image, np.float32) / 127.5 - 1
    return np.broadcast_to(pixels, (3, height, width))


def test_text_is_read() -> None:
    """Characters of rendered lines, by the network's own list, on ideal cells."""
    path = model("rapidocr_onnxruntime", "models/ch_PP-OCRv4_rec_infer.onnx")
    x = np.stack([line(text, 48, 320) for text in WORDS])
    net = rel.load_network(path, input_shape=(3, 48, 320))
    found = rel.evaluate(net, data=x, metric="agreement", outputs=True)
    assert found["agreement"].item() == 1
    letters = ["", *net.metadata["character"].splitlines(), " "]
    best = found["outputs"].values[0].argmax(axis=-1)
    read = []
    for row in best:
        kept = [k for k, before in zip(row, [0, *row], strict=False) if k != before and k]
        read.append("".join(letters[k] for k in kept))
    assert sum(got.replace(" ", "") == text.replace(" ", "")
               for got, text in zip(read, WORDS, strict=True)) >= 4, read  # fmt: skip


def test_text_upside_down_is_told() -> None:
    path = model("rapidocr_onnxruntime", "models/ch_ppocr_mobile_v2.0_cls_infer.onnx")
    x = np.stack([line(text, 48, 192, turned) for turned in (False, True) for text in WORDS])
    y = np.repeat([0, 1], len(WORDS))
    net = rel.load_network(path, input_shape=(3, 48, 192))
    assert rel.evaluate(net, data=(x, y))["accuracy"].item() >= 0.9
    assert rel.evaluate(net, data=x, metric="agreement")["agreement"].item() == 1


def test_places_of_text_are_found() -> None:
    """Pixels of a page with three lines of text."""
    path = model("rapidocr_onnxruntime", "models/ch_PP-OCRv4_det_infer.onnx")
    page = np.ones((2, 3, 192, 320), np.float32)
    for k in range(3):
        page[0, :, 60 * k + 8 : 60 * k + 44] = line(WORDS[k], 36, 320)
    page[1, :, 80:128] = line(WORDS[4], 48, 320)
    net = rel.load_network(path, input_shape=(3, 192, 320))
    found = rel.evaluate(net, data=page, metric="agreement", outputs=True)
    assert found["agreement"].item() > 0.9999
    text = found["outputs"].values[0, :, 0] > 0.5
    assert 0.05 < text[0].mean() < 0.6
    assert text[0, 8:44].mean() > 5 * text[0, 44:60].mean()
    assert text[1, :70].mean() < 0.01
