"""The wheel, installed where there is no checkout, does the README's main job."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def installed(repository, tmp_path_factory) -> Path:
    """The command of a clean environment with nothing but the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip"]
    built = [*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(repository)]
    subprocess.run(built, check=True)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", str(folder / "clean")], check=True)
    python = folder / "clean" / "bin" / "python"
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", str(wheel)], check=True)
    return python.with_name("reliability")


@pytest.mark.slow
def test_the_wheel_runs_the_main_study_and_passes_its_self_check(installed, tmp_path) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}

    def call(*words: str) -> str:
        found = subprocess.run([str(installed), *words], cwd=tmp_path, env=environment,
                               capture_output=True, text=True)  # fmt: skip
        assert found.returncode == 0, found.stdout + found.stderr
        return found.stdout

    small = ["--chips", "3", "--set", "network.images=50", "--set", "uncertainty.draws=4"]
    told = call("run", "spirit", "--out", "out/spirit", "--workers", "2", *small)
    assert told.strip().endswith("out/spirit/report.html")
    assert (tmp_path / "out" / "spirit" / "report.html").stat().st_size > 50_000
    assert "checks pass" in call("doctor")
    assert "pip install 'rram-reliability[excel]'" in call("doctor")
    call("technologies", "show", "pcm-mushroom")
