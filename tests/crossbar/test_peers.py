"""The same circuits in other programs: ngspice and badcrossbar."""

import logging
import re
import shutil
import subprocess

import numpy as np
import pytest

from reliability.crossbar import (
    PolynomialCell,
    SelectorCell,
    SinhCell,
    TransistorCell,
    solve_crossbar,
    to_spice,
)
from reliability.errors import InputError

M, N = 7, 5
rng = np.random.default_rng(0)
CONDUCTANCE = rng.uniform(1e-6, 1e-4, (M, N))
VOLTAGE = rng.uniform(-0.1, 0.3, M)


def some_infinite(size, where, value=0.0):
    out = np.full(size, value)
    out[where] = np.inf
    return out


CASES = {
    "linear": {},
    "both ends": {"drive": "both", "sense": "both"},
    "floating": {
        "source_resistance": some_infinite(M, [1, 4]),
        "sense_resistance": some_infinite(N, 2, 50.0),
    },
    "open segment": {
        "word_line_resistance": some_infinite((M, N + 1), (2, 3), 3.0),
        "drive": "right",
        "sense": "top",
    },
    "biased bit lines": {"bit_line_voltage": 0.1, "sense_resistance": 10.0},
    "sinh": {"cell": SinhCell(0.1)},
    "polynomial": {"cell": PolynomialCell(0.2, 2.0)},
    "polynomial, open cells": {"cell": PolynomialCell(0.2, 2.0), "open": True},
    "transistor, both ends": {"cell": TransistorCell(1e-3, 0.3), "drive": "both"},
    "selector, floating": {
        "cell": SelectorCell(1e-7, 0.05),
        "source_resistance": some_infinite(M, [0]),
    },
}


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")
@pytest.mark.parametrize("name", CASES)
def test_ngspice(name, tmp_path):
    circuit = {"word_line_resistance": 20.0, "bit_line_resistance": 10.0, **CASES[name]}
    volts = VOLTAGE * (5 if "cell" in circuit else 1)
    g = CONDUCTANCE * (np.indices((M, N)).sum(axis=0) % 3 > 0) if circuit.pop("open", 0) else (
        CONDUCTANCE)  # fmt: skip
    netlist = tmp_path / "crossbar.cir"
    netlist.write_text(to_spice(g, volts, **circuit))
    run = subprocess.run(["ngspice", "-b", netlist], capture_output=True, text=True, timeout=120)
    spice = np.zeros(N)
    found = re.findall(r"i\(vb[tb](\d+)\) = (\S+)", run.stdout)
    assert found, run.stdout + run.stderr
    for column, value in found:
        spice[int(column)] += float(value)
    ours = solve_crossbar(g, volts, **circuit)["output_current"].values
    # ngspice stops at reltol 1e-9 of its nonlinear iteration
    assert np.allclose(ours, spice, rtol=1e-8, atol=1e-9 * np.abs(spice).max())


def test_netlist_needs_a_model_that_can_be_written():
    with pytest.raises(InputError, match="has no spice"):
        to_spice([[1e-5]], [0.1], cell=lambda g, v: (g * v, g))


@pytest.mark.parametrize(("shape", "r_word", "r_bit"), [((16, 12), 1.0, 1.0), ((9, 40), 0.5, 20.0)])
def test_badcrossbar(shape, r_word, r_bit):
    badcrossbar = pytest.importorskip("badcrossbar")
    logging.getLogger("badcrossbar").setLevel(logging.ERROR)
    draws = np.random.default_rng(3)
    g = 1 / draws.uniform(5e3, 2e5, shape)
    v = draws.uniform(0, 0.3, (shape[0], 3))
    peer = badcrossbar.compute(v, 1 / g, r_i_word_line=r_word, r_i_bit_line=r_bit)
    ours = solve_crossbar(g, v, word_line_resistance=r_word, bit_line_resistance=r_bit)
    assert np.allclose(ours["output_current"], peer.currents.output, rtol=1e-9, atol=0)
