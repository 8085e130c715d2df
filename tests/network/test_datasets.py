"""Data sets that ship are what their scripts printed."""

from hashlib import sha256

import numpy as np
import pytest

import reliability as rel

MNIST12 = "fddf7a41c2cd27ad686d4a043b0e600f77de26e4a6b831331f242bccca0bb7cb"


def test_mnist12_is_what_the_script_printed() -> None:
    digest = sha256()
    for split in ("train", "test"):
        data = rel.load_mnist(split)
        digest.update(np.ascontiguousarray(data["pixels"].values).tobytes())
        digest.update(data["label"].values.tobytes())
    assert digest.hexdigest() == MNIST12


def test_mnist12_can_be_made_again(shared) -> None:
    """Area means of the original digits: the total ink is kept to rounding."""
    import gzip

    raw = gzip.decompress((shared / "datasets" / "t10k-images-idx3-ubyte.gz").read_bytes())
    original = np.frombuffer(raw, np.uint8, offset=16).reshape(10_000, 28, 28)
    small = rel.load_mnist("test")["pixels"].values
    # mean of 784 pixels equals mean of 144 area means; each of those is rounded by up to 1/2
    error = small.mean(axis=1) - original.mean(axis=(1, 2))
    assert np.abs(error).max() < 0.5
    assert np.abs(error).mean() < 0.05


def test_mnist28_is_what_the_script_printed() -> None:
    digest = sha256()
    for split in ("calibration", "test"):
        data = rel.load_mnist28(split)
        digest.update(np.rint(data["inputs"].values * 255).astype(np.uint8).tobytes())
        digest.update(data["label"].values.tobytes())
    assert digest.hexdigest() == "b12f9834c63a96d9917a672724dd06341515634aeeb066e1b0618ec55bd95a2b"
    with pytest.raises(rel.InputError, match="allowed: test, calibration"):
        rel.load_mnist28("train")


def test_vowels_are_what_the_script_printed() -> None:
    from hashlib import sha256

    digest = sha256()
    for split, utterances in (("train", 270), ("test", 370)):
        data = rel.load_vowels(split)
        source, there = data["input"].values, data["input"].values >= 0
        assert len(source) == utterances
        frame = np.rint(data["time"].values[there] / 6.4e-3)
        for part in (source[there], frame, there.sum(axis=1), data["label"].values):
            digest.update(part.astype(np.uint8).tobytes())
    assert digest.hexdigest() == "c483d83610b69ad7c7f7bf2e1c58cbfe50bf612f0364448b67c0552afa52ad94"
