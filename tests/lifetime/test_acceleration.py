"""Acceleration distributions against values that makers of integrated circuits publish."""

import numpy as np
import pytest

from reliability.errors import InputError
from reliability.lifetime.acceleration import MODELS, acceleration, arrhenius

ZERO = 273.15


@pytest.mark.parametrize(("celsius", "published"), [(85, 8), (125, 77), (135, 128), (150, 258)])
def test_arrhenius_to_55_degrees(celsius, published):
    """Analog Devices' reliability data: factors to 55 degC with 0.7 eV, printed without digits."""
    factor = float(arrhenius(55 + ZERO, celsius + ZERO, 0.7))
    assert abs(factor - published) < 1.6  # they cut some digits and round others


def test_fox_electronics_fit_example():
    """Data sheet: 25 to 125 degC with 0.40 eV accelerates 49.9 times (k = 8.625e-5)."""
    energy = 0.40 * 8.617333e-5 / 8.625e-5
    assert float(arrhenius(298, 398, energy)) == pytest.approx(49.91, rel=1e-3)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_regressors_give_the_factor_of_the_law(name):
    distribution = MODELS[name]
    stresses = ["temperature", "voltage"]
    terms = acceleration(name, stresses)
    before = {"temperature": 330.0, "voltage": 0.8}
    after = {"temperature": 390.0, "voltage": 1.4}
    coefficients = np.array([0.7, 0.2])[: len(distribution.coefficients)]
    lives = []
    for stress in (before, after):
        x, offset = terms.regressors({n: stress[n] for n in stresses})
        lives.append(float(np.exp(x @ coefficients + offset)[0]))
    factor = lives[0] / lives[1]
    k = 8.617333262e-5
    heat = 0.7 / k * (1 / 330 - 1 / 390)
    expected = {
        "arrhenius": np.exp(heat),
        "eyring": 390 / 330 * np.exp(heat),
        "t_model": np.exp(0.7 * (390 - 330)),
        "inverse_power": (1.4 / 0.8) ** 0.7,
        "e_model": np.exp(0.7 * (1.4 - 0.8)),
        "voltage_exponential": np.exp(0.7 * (1.4 - 0.8)),
        "inverse_e": np.exp(0.7 * (1 / 0.8 - 1 / 1.4)),
        "thermochemical": np.exp(((0.7 - 0.2 * 0.8) / 330 - (0.7 - 0.2 * 1.4) / 390) / k),
    }[name]
    assert factor == pytest.approx(float(expected), rel=1e-9)


def test_steps_multiply():
    through = arrhenius(300, 350, 0.9) * arrhenius(350, 400, 0.9)
    assert float(through) == pytest.approx(float(arrhenius(300, 400, 0.9)), rel=1e-12)


def test_two_laws_of_one_kind_get_different_names():
    both = acceleration({"voltage": "inverse_power", "humidity": "inverse_power"},
                        ["voltage", "humidity"])  # fmt: skip
    assert both.coefficients == ("exponent_voltage", "exponent_humidity")


def test_refused():
    with pytest.raises(InputError, match="did you mean 'arrhenius'"):
        acceleration("arrenius", ["temperature"])
    with pytest.raises(InputError, match="no stress beside the temperature"):
        acceleration("arrhenius+inverse_power", ["temperature"])
    with pytest.raises(InputError, match="needs the stress 'temperature'"):
        acceleration("arrhenius", ["voltage"])
    with pytest.raises(InputError, match="greater than 0 K"):
        arrhenius(-5.0, 300.0, 0.7)
    with pytest.raises(InputError, match="'temperature' is missing"):
        acceleration("arrhenius", ["temperature"]).regressors({"voltage": 1.0})


@pytest.mark.parametrize(
    "distributions", [{"voltage": "arrhenius"}, {"temperature": "inverse_power"}], ids=str
)
def test_a_law_is_not_quietly_put_on_another_stress(distributions):
    with pytest.raises(InputError, match="acts on"):
        acceleration(distributions, ["temperature", "voltage"])
