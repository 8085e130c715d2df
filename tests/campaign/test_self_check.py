"""``reliability doctor``: its stored numbers against other ways to them, and what it says."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.optimize import minimize

from reliability.campaign import self_check as doctor
from reliability.cli import main
from tests.crossbar.oracle import nodal_solution

STORED = {name: expected for name, _, expected, _ in doctor._STORED}


def stored(begin: str) -> float:
    (found,) = [value for name, value in STORED.items() if name.startswith(begin)]
    return found


@pytest.fixture(scope="module")
def told():
    """What the command prints as JSON."""
    found = CliRunner().invoke(main, ["doctor", "--json"])
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def test_this_installation_passes(told) -> None:
    assert told["passed"]
    assert len(told["checks"]) == len(STORED)
    assert told["environment"]["numba threads"]


def test_stored_bound_is_the_closed_form() -> None:
    assert stored("bound") == pytest.approx((1 - 0.05 ** (1 / 11_520)) * 1e6, abs=1e-6)


def test_stored_fit_is_the_maximum_of_the_likelihood() -> None:
    failed, good = np.array([120.0, 190.0, 310.0, 350.0, 480.0]), 500.0

    def minus_log_likelihood(parameters):
        shape, scale = parameters
        density = np.log(shape / scale) + (shape - 1) * np.log(failed / scale)
        return -np.sum(density - (failed / scale) ** shape) + (good / scale) ** shape

    best = minimize(
        minus_log_likelihood,
        [1.5, 400],
        method="Nelder-Mead",
        options={"xatol": 1e-8, "fatol": 1e-12},
    ).x
    assert stored("shape") == pytest.approx(best[0], abs=2e-6)


def test_stored_current_is_that_of_nodal_analysis() -> None:
    row, column = np.indices((64, 64))
    conductance = 1e-5 * (1 + (7 * row + 3 * column) % 11)
    current, _, _ = nodal_solution(conductance, np.full(64, 0.1), word=2.0, bit=1.0)
    assert stored("current") == pytest.approx(current.sum() * 1e3, abs=1e-9)


def test_a_wrong_number_and_a_fault_are_named_with_exit_code_1(monkeypatch) -> None:
    def broken() -> float:
        raise ImportError("no module\nnamed numbers")

    checks = (("off by more", lambda: 1.01, 1.0, 0.001), ("broken", broken, 1.0, 0.1))
    monkeypatch.setattr(doctor, "_STORED", checks)
    found = CliRunner().invoke(main, ["doctor"])
    assert found.exit_code == 1
    assert "WRONG off by more" in found.stdout
    assert "1.01, stored 1 ± 0.001" in found.stdout
    assert "ImportError: no module named numbers" in found.stdout
    assert "0 of 2 checks pass" in found.stdout
    told = CliRunner().invoke(main, ["doctor", "--json"])
    assert told.exit_code == 1
    assert json.loads(told.stdout)["checks"][1]["found"] is None


def test_extras_come_from_what_was_installed(monkeypatch) -> None:
    declared = ["numpy>=1.26", "numpy>=1; extra == 'here'", 'no-such-package>=3; extra == "gone"']
    monkeypatch.setattr(doctor, "_requirements", lambda: declared)
    monkeypatch.setattr(doctor, "_STORED", ())
    found = CliRunner().invoke(main, ["doctor"])
    assert f"here  numpy {np.__version__}" in found.stdout
    assert "gone  not installed: pip install 'rram-reliability[gone]'" in found.stdout
