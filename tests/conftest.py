"""Fixtures that several rooms' tests share."""

import gc
import os
from pathlib import Path

import pytest
from hypothesis import settings

# The processes of the suite fill the cores; threads of BLAS in each would wait for one another. Set
# before those processes start.
for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

# Objects of imports and collected tests stay to the end: walking them for garbage again and again
# took a tenth of the suite's time.
gc.disable()


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.enable()


# The same examples on every run; explore with `pytest --hypothesis-profile explore`.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=1000, deadline=None)
settings.load_profile("fixed")

_REPOSITORY = Path(__file__).resolve().parents[1]

# Values of a card that leave ln R of both states normal.
NORMAL = {
    f"programming.{state}.slope_{knot}": 1.0
    for state in ("LRS", "HRS")
    for knot in ("low_3", "low_2", "low_1", "median", "high_1", "high_2", "high_3")
} | {
    f"cycles.{state}.{name}": value
    for state in ("LRS", "HRS")
    for name, value in (("skew", 0.0), ("tail", 1.0), ("sigma_spread", 0.0))
}

SMALL_STUDY = """
title = "small"
technology = "oxram-130nm"
seed = 5

[network]
images = 40

[population]
chips = 5
dies_per_wafer = 3

[stress]
times = ["0 s", "10 years"]
temperatures = ["25 degC", "125 degC"]

[uncertainty]
draws = 5
chips = 2
images = 30

[sensitivity]
chips = 2
images = 30
measured_source = "a test"

[[sensitivity.factor]]
name = "spread"
label = "spread (x card)"
parameters = ["programming.LRS.sigma_cell"]
scale = [0.5, 1.0]

[[sensitivity.factor]]
name = "stuck"
label = "stuck cells"
parameters = ["defects.stuck_lrs"]
value = [0.0, 0.01]
"""
PLAIN_STUDY, _, _ = SMALL_STUDY.partition("[uncertainty]")


@pytest.fixture(scope="session")
def repository() -> Path:
    return _REPOSITORY


@pytest.fixture(scope="session")
def analyses(repository: Path) -> Path:
    return repository / "analyses"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real data beside the checkout; the project works without, so tests that need it skip."""
    folder = _REPOSITORY.parent / "shared"
    if not folder.is_dir():
        pytest.skip("no folder 'shared' beside the checkout")
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A study with every kind of task, small enough for a second."""
    path = tmp_path / "small.toml"
    path.write_text(SMALL_STUDY)
    return path


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """The small study without drawn cards and without a sensitivity grid."""
    path = tmp_path / "plain.toml"
    path.write_text(PLAIN_STUDY)
    return path


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the small study, run and reported once; tests only read it."""
    import reliability as rel

    folder = tmp_path_factory.mktemp("finished")
    spec = folder / "small.toml"
    spec.write_text(SMALL_STUDY)
    study = rel.load_study(spec)
    rel.run_study(study, folder / "out", chunk=1)
    rel.write_report(study, folder / "out")
    return folder / "out"
