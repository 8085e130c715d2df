"""Margins, wires and size limits."""

import numpy as np
import pytest
from scipy import integrate

import reliability as rel
from reliability.crossbar import (
    crossbar_limit,
    load_wire,
    read_currents,
    resistance_levels,
    worst_case_margin,
)
from reliability.crossbar.margins import BIAS_SCHEMES
from reliability.crossbar.wires import size_effect_resistivity
from reliability.errors import InputError

from .oracle import nodal_solution

IDEAL = {"word_line_resistance": 0.0, "bit_line_resistance": 0.0}


def test_ideal_lines_leave_only_sneak_paths():
    m, n, g_on, v = 5, 7, 1e-4, 0.2
    g = np.full((m, n), g_on)
    current = {s: read_currents(g, [(1, 2)], s, v, **IDEAL)[0] for s in BIAS_SCHEMES}
    assert current["grounded"] == pytest.approx(v * g_on, rel=1e-12, abs=0)
    # floating: selected row -> other columns -> other rows -> selected column, three in series
    sneak = 1 / (1 / ((n - 1) * g_on) + 1 / ((m - 1) * (n - 1) * g_on) + 1 / ((m - 1) * g_on))
    assert current["floating"] == pytest.approx(v * (g_on + sneak), rel=1e-9, abs=0)
    assert current["V/2"] == pytest.approx(v * g_on * (1 + (m - 1) / 2), rel=1e-12, abs=0)
    assert current["V/3"] == pytest.approx(v * g_on * (1 + (m - 1) / 3), rel=1e-12, abs=0)


def test_read_currents_equal_a_direct_solve():
    rng = np.random.default_rng(0)
    g = rng.uniform(1e-6, 1e-4, (6, 5))
    v, held = np.full(6, 0.1), np.full(5, 0.1)
    v[2], held[3] = 0.2, 0.0
    want, _, _ = nodal_solution(g, v, bit_v=held, word=8.0, bit=8.0, source=30.0, sense_r=20.0)
    got = read_currents(
        g,
        [(2, 3)],
        "V/2",
        0.2,
        source_resistance=30.0,
        sense_resistance=20.0,
        word_line_resistance=8.0,
        bit_line_resistance=8.0,
    )
    assert got[0] == pytest.approx(want[3], rel=1e-9, abs=0)


def test_worst_case_margin_shrinks_with_size_and_ratio():
    margins = [
        float(worst_case_margin(1e-4, 1e-6, (n, n), "grounded", 0.2)["margin"]) for n in (4, 16, 64)
    ]
    assert margins == sorted(margins, reverse=True)
    ideal = worst_case_margin(1e-4, 1e-6, (9, 9), "grounded", 0.2, **IDEAL)
    assert float(ideal["margin"]) == pytest.approx(0.99, rel=1e-9)


def test_far_cell_is_the_one_with_the_longest_way():
    for ends in ({}, {"drive": "right", "sense": "top"}):
        current = worst_case_margin(1e-4, 1e-6, (32, 32), "grounded", 0.2, **ends)["current"]
        drop = current.sel(background="LRS", state="LRS")
        assert drop.sel(place="far") < drop.sel(place="near")


def test_wires():
    wire = load_wire("130nm")
    # by hand: core 155 nm x 270 nm of 20.1 nohm m
    assert wire.resistance_per_length == pytest.approx(20.1e-9 / (155e-9 * 270e-9))
    assert wire.segment_resistance("1T1R")[0] == pytest.approx(
        12 * 175e-9 * wire.resistance_per_length
    )
    nodes = ["130nm", "65nm", "45nm", "22nm", "14nm", "7nm"]
    ohms = [load_wire(node).resistance_per_length for node in nodes]
    assert ohms == sorted(ohms)
    assert size_effect_resistivity(1.0, 1.0) == pytest.approx(32.05e-9, rel=1e-6, abs=0)
    # the exponential profile integrated numerically over a square cross section
    x = np.linspace(-10e-9, 10e-9, 20001)
    profile = np.cosh(x / 3.75e-9) / np.cosh(10e-9 / 3.75e-9)
    mean = integrate.trapezoid(profile, x) / 20e-9
    assert size_effect_resistivity(20e-9, 20e-9) == pytest.approx(
        32.05e-9 + 2 * 82e-9 * mean, rel=1e-6, abs=0
    )


@pytest.fixture(scope="module")
def technology():
    return rel.load_technology("oxram-130nm")


def test_limit_shrinks_with_line_resistance(technology):
    sizes = [
        int(
            crossbar_limit(technology, "output_error", 0.3, ohm, max_size=128, uncertainty_draws=0)[
                "size"
            ]
        )
        for ohm in (2.0, 20.0)
    ]
    assert sizes[0] > sizes[1] > 4


def test_limit_is_confident_and_has_an_interval(technology):
    out = crossbar_limit(
        technology, "output_error", 0.3, 5.0, max_size=64, uncertainty_draws=3, seed=1
    )
    size = int(out["size"])
    at = out.sel(tried=size)
    assert at["value"] <= at["value_high"] <= 0.3
    assert out["value_high"].sel(tried=out["tried"][out["tried"] > size].min()) > 0.3
    assert out["size_low"] <= size <= out["monte_carlo_high"] <= out["size_high"]


def test_limit_of_a_function_of_ones_own(technology):
    def drop(conductance, crossbar):
        return conductance.shape[0] * crossbar["word_line_resistance"]

    out = crossbar_limit(technology, drop, 60.0, 2.0, max_size=64, uncertainty_draws=0)
    assert int(out["size"]) == 30
    assert out.attrs["criterion"] == "drop"


def test_no_size_and_every_size(technology):
    easy = {"segment_resistance": 0.0, "max_size": 8, "uncertainty_draws": 0}
    assert int(crossbar_limit(technology, "output_error", 1e-6, **easy)["size"]) == 0
    assert int(crossbar_limit(technology, "output_error", 10.0, **easy)["size"]) == 8


@pytest.mark.slow
def test_levels(technology):
    out = resistance_levels(
        technology, [5e3, 20e3], [10.0, 30.0], limit=0.35, segment_resistance=5.0, max_size=64
    )
    assert (out["size"].sel(lrs_resistance=20e3) > out["size"].sel(lrs_resistance=5e3)).all()
    assert (out["energy"].sel(lrs_resistance=20e3) < out["energy"].sel(lrs_resistance=5e3)).all()
    assert out["pareto"].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"segment_resistance": None}, "segment_resistance, node: give one of them"),
        ({"segment_resistance": -1.0}, "segment_resistance: got -1.0"),
        ({"criterion": "output_eror"}, "did you mean 'output_error'"),
        ({"bias_scheme": "V/4"}, "unknown bias scheme 'V/4'"),
        ({"density": 0.0}, "density: got 0.0"),
        ({"limit": float("nan")}, "limit: got nan"),
        ({"max_size": 1}, "max_size"),
    ],
)
def test_bad_limit(technology, change, message):
    with pytest.raises(InputError) as caught:
        crossbar_limit(technology, **{"segment_resistance": 1.0, **change})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: read_currents([[1e-5]], [(0, 1)], "V/2", 0.1), "outside the array"),
        (lambda: read_currents([[1e-5]], [0], "V/2", 0.1), "cells: expected pairs"),
        (lambda: worst_case_margin(1e-6, 1e-4, (4, 4), "V/2", 0.1), "lrs, hrs"),
        (lambda: load_wire("22nm").segment_resistance("2T2R"), "unknown cell '2T2R'"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
