"""Is this installation sound? Its environment, extras, and a self-check against stored numbers.

The self-check goes once through the suite: a closed form, a fit, a population that ages, a
crossbar, a network and a study. Every random number comes from a keyed stream, so another machine
must find the stored numbers again, up to what the order of additions and vector instructions change
in the last digits.
"""

import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from reliability.version import __version__

_PACKAGES = ("numpy", "scipy", "numba", "xarray", "zarr", "pandas", "pydantic", "matplotlib")
_VARIABLES = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_DISTRIBUTION = "rram-reliability"


@dataclass(frozen=True)
class Check:
    """One number of the self-check.

    Parameters
    ----------
    name : str
        What was computed.
    found, expected : float
        Now, and stored. ``found`` is NaN where the computation failed.
    tolerance : float
        Largest difference from ``expected`` that counts as the same.
    seconds : float
    error : str
        Why the computation failed, or empty.
    """

    name: str
    found: float
    expected: float
    tolerance: float
    seconds: float
    error: str = ""

    @property
    def passed(self) -> bool:
        return abs(self.found - self.expected) <= self.tolerance


def environment() -> dict[str, str]:
    """Return what a report of a fault needs: versions, machine, threads.

    Examples
    --------
    >>> environment()["reliability"] == __version__
    True
    """
    import numba
    import scipy.linalg  # noqa: F401  # brings a BLAS of its own, which is to be told too
    from threadpoolctl import threadpool_info

    blas = {
        f"{pool['internal_api']} {pool.get('version') or ''}".strip() + f": {pool['num_threads']}"
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    }
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "reliability": __version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "machine": f"{platform.system()} {platform.release()}, {platform.machine()}",
        **{name: metadata.version(name) for name in _PACKAGES},
        "cores": str(cores),
        "numba threads": str(numba.get_num_threads()),
        "BLAS threads": ", ".join(sorted(blas)) or "no BLAS found",
        **{name: os.environ[name] for name in _VARIABLES if name in os.environ},
    }


def extras() -> dict[str, dict[str, str | None]]:
    """Return the version of each package of each extra, None where it is not installed.

    Empty where the suite itself is not installed, but run from a copy of its files: then nothing
    says what the extras are.
    """
    found: dict[str, dict[str, str | None]] = {}
    for requirement in _requirements():
        match = re.match(r"([\w.-]+).*;.*extra == ['\"]([\w-]+)['\"]", requirement)
        if match:
            package, extra = match.groups()
            found.setdefault(extra, {})[package] = _version(package)
    return dict(sorted(found.items()))


def _requirements() -> list[str]:
    try:
        return metadata.requires(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return []


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def self_check() -> list[Check]:
    """Compute a number in each room and compare it with the stored one."""
    return [_check(*stored) for stored in _STORED]


def _check(name: str, compute: Callable[[], float], expected: float, tolerance: float) -> Check:
    start = time.perf_counter()
    found, error = float("nan"), ""
    try:
        found = float(compute())
    except Exception as fault:  # whatever is wrong with an installation is an answer here
        error = " ".join(f"{type(fault).__name__}: {fault}".split())
    return Check(name, found, expected, tolerance, time.perf_counter() - start, error)


def _bound() -> float:
    from reliability.statistics import binomial_bound

    return binomial_bound(0, 11_520, 0.95) * 1e6


def _fit() -> float:
    import numpy as np

    from reliability.lifetime import fit_lifetime

    lower = np.array([120.0, 190.0, 310.0, 350.0, 480.0, 500.0])
    upper = np.array([120.0, 190.0, 310.0, 350.0, 480.0, np.inf])
    return float(fit_lifetime(lower=lower, upper=upper, distribution="weibull").parameters["shape"])


def _population(years: float) -> float:
    import numpy as np

    from reliability.mission import MissionProfile
    from reliability.population import age, sample_population
    from reliability.technology import load_technology

    card = load_technology("oxram-130nm")
    cells = sample_population(card, wafers=2, dies=4, cells=500, state="LRS", seed=7)
    aged = age(cells, MissionProfile.constant(f"{years} years", "125 degC"))
    return float(np.median(aged["conductance"])) * 1e6


def _crossbar() -> float:
    import numpy as np

    from reliability.crossbar import solve_crossbar

    row, column = np.indices((64, 64))
    conductance = 1e-5 * (1 + (7 * row + 3 * column) % 11)
    found = solve_crossbar(
        conductance, np.full(64, 0.1), word_line_resistance=2.0, bit_line_resistance=1.0
    )
    return float(found["output_current"].sum()) * 1e3


def _network(chips: int) -> float:
    from reliability.network import Network, evaluate, load_network
    from reliability.technology import load_technology

    cells = load_technology("oxram-130nm") if chips else None
    network = load_network("spirit")
    assert isinstance(network, Network)
    found = evaluate(network, cells, chips=max(chips, 1), images=500, seed=1)
    return float(found["accuracy"].mean()) * 100


def _study() -> float:
    from reliability.campaign import Study, run_study
    from reliability.campaign.store import read_results

    study = Study.model_validate(
        {
            "title": "self-check",
            "technology": "pcm-mushroom",
            "seed": 3,
            "network": {"images": 200, "mapping": "multi_level"},
            "population": {"chips": 4},
            "stress": {"times": ["1 h"]},
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        done = run_study(study, Path(folder) / "out")
        return float(read_results(done)["chips"]["accuracy"].mean()) * 100


# What is computed, the number that another machine must find, and how far it may be off: the last
# digits of float32, or a few decisions that are close.
_STORED: tuple[tuple[str, Callable[[], float], float, float], ...] = (
    ("bound of 0 failures in 11 520 (ppm)", _bound, 260.01239522, 1e-6),
    ("shape of a censored Weibull fit", _fit, 2.163311, 1e-5),
    ("median LRS as programmed (µS)", lambda: _population(0), 184.62705, 1e-3),
    ("median LRS after ten years at 125 °C (µS)", lambda: _population(10), 179.0459, 1e-3),
    ("current of a 64 × 64 crossbar (mA)", _crossbar, 19.7260217773, 1e-9),
    ("accuracy of SPIRIT, ideal cells (%)", lambda: _network(0), 87.0, 0.2),
    ("accuracy of SPIRIT, 4 chips (%)", lambda: _network(4), 82.75, 0.2),
    ("accuracy in a study of PCM chips (%)", _study, 88.875, 0.25),
)
