"""Values of a card as stated: rounded, flagged outside physics, and requirements of phenomena."""

import numpy as np
import pytest
import xarray as xr

import reliability as rel
from reliability.characterization import fit_phenomena, reads_of
from reliability.characterization.card_values import outside_physics, rounded
from reliability.characterization.requirements import unmet
from reliability.errors import InputError
from reliability.technology.card import Parameter


def fitted(value, sigma, distribution="normal", unit="ohm", **more):
    return Parameter(value=value, unit=unit, sigma=sigma, distribution=distribution,
                     source="a test", confidence="fitted", **more)  # fmt: skip


@pytest.mark.parametrize(
    ("value", "sigma", "distribution", "want"),
    [
        (5123.456, 34.21, "normal", (5123.0, 34.0)), (1.283456, 0.03421, "normal", (1.283, 0.034)),
        (91384.2, 0.0712, "lognormal", (91400.0, 0.071)), (0.0, 0.0866, "normal", (0.0, 0.087)),
        (-227.3, 14.8, "normal", (-227.0, 15.0)), (0.00976, 5.7, "lognormal", (0.0098, 5.7)),
    ],
)  # fmt: skip
def test_values_are_rounded_to_two_digits_of_their_uncertainty(value, sigma, distribution, want):
    got = rounded(fitted(value, sigma, distribution))
    assert (got.value, got.sigma) == want
    spread = sigma * abs(value) if distribution == "lognormal" else sigma
    assert abs(got.value - value) <= max(0.05 * spread, 0.05 * abs(value))


def test_measured_and_exact_values_stay():
    exact = Parameter(
        value=1.23456, unit="V", distribution="exact", source="x", confidence="measured"
    )
    assert rounded(exact) is exact
    assert rounded(fitted(0.9999, 0.5, valid=(0.0, 1.0))).value <= 1.0


@pytest.mark.parametrize(
    ("name", "value", "unit", "flagged"),
    [
        ("relaxation.target.attempt_time", 1e-17, "s", True),
        ("relaxation.target.attempt_time", 1e-13, "s", False),
        ("retention.LRS.activation_energy", 0.02, "eV", True),
        ("retention.LRS.activation_energy", 1.28, "eV", False),
        ("endurance.shape", 50.0, "", True), ("programming.LRS.resistance", 5e3, "ohm", False),
    ],
)  # fmt: skip
def test_values_outside_physics_are_flagged(name, value, unit, flagged):
    found = outside_physics([(name, fitted(value, 0.1, "lognormal", unit))])
    assert len(found) == flagged
    assert all(name in sentence for sentence in found)


@pytest.fixture
def bake():
    g = np.exp(np.random.default_rng(1).normal(-10, 0.1, (30, 3)))
    return xr.Dataset(
        {"conductance": (("cell", "time"), g)},
        coords={"time": [0.0, 3600.0, 7200.0], "state": "LRS"},
        attrs={"source": "lrs.csv", "problems": []},
    )


def test_each_phenomenon_says_what_it_needs_and_what_the_file_has(bake):
    with pytest.raises(InputError, match="nothing that can be fitted"):
        fit_phenomena(bake)
    lines = unmet([reads_of(bake)])
    assert [line.partition(":")[0] for line in lines] == [
        "programming", "cycle-to-cycle correlation", "relaxation", "retention", "read disturb",
        "endurance", "noise",
    ]  # fmt: skip
    assert "lrs.csv has 30 cells of LRS, 0 cells of HRS; 3 times; no temperature stated" in lines[3]
    assert not any(line.startswith("retention") for line in unmet([reads_of(bake)], ["retention"]))


def test_a_bake_without_states_says_how_to_give_them(bake):
    with pytest.raises(InputError, match="FILE@state=LRS"):
        fit_phenomena(bake.drop_vars("state"))


def test_a_default_temperature_is_not_called_measured():
    rng = np.random.default_rng(3)
    start = np.stack([rng.normal(2e-4, 1e-5, 40), np.exp(rng.normal(-11.5, 0.3, 40))])
    walk = np.exp(0.05 * rng.normal(size=(2, 40, 3)).cumsum(-1))
    data = xr.Dataset(
        {"conductance": (("state", "cell", "time"), start[..., None] * walk)},
        coords={"state": ["LRS", "HRS"], "time": [0.0, 10.0, 1000.0]},
        attrs={"source": "relaxation.csv", "problems": []},
    )
    card = rel.characterize(data, name="mine")
    for key, parameter in card.parameters.items():
        if key.endswith("reference_temperature"):
            assert parameter.confidence == "assumed", key


def test_only_fitted_values_are_called_unknown():
    """An assumed value that is wide was never known; a fitted one is a result that says nothing."""
    wide = fitted(1e-12, 3.0, "lognormal", "s")
    assumed = Parameter(value=1e-12, unit="s", distribution="lognormal", sigma=3.0,
                        source="assumed: as others", confidence="assumed")  # fmt: skip
    found = outside_physics([("relaxation.target.onset_time", assumed)])
    assert found == []
    (sentence,) = outside_physics([("relaxation.target.onset_time", wide)])
    assert sentence == "known to no better than a factor of 10: relaxation.target.onset_time"


def test_every_cell_of_wafers_and_dies_is_a_cell_of_its_own():
    """Cell 1 of die 0 is not cell 0 of die 1."""
    g = 1e-4 * (1 + np.arange(2 * 3 * 4 * 2, dtype=float).reshape(2, 3, 4, 2))
    data = xr.Dataset(
        {"conductance": (("wafer", "die", "cell", "time"), g)}, coords={"time": [0.0, 1.0]}
    )
    table = reads_of(data).table
    assert table["cell"].nunique() == 24
    assert (table.groupby("cell").size() == 2).all()
    for _, own in table.groupby("cell"):
        assert np.ptp(own["conductance"]) == pytest.approx(1e-4)
