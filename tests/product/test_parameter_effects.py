"""Parameters that widen an interval: the ends of each alone, as `macro_failures` has them."""

import dataclasses

import pytest

import reliability as rel
from reliability.errors import InputError
from reliability.product import interval_drivers, macro_failures

DAY = rel.MissionProfile.constant("1 day", "25 degC")


def test_each_end_is_the_macro_with_that_value() -> None:
    card = rel.load_technology("oxram-130nm")
    names = ["programming.HRS.resistance"]
    found = interval_drivers(card, DAY, parameters=names, lots=1, reference=1e-4, noise=False)
    assert found["parameter"].values.tolist() == names
    low = float(found["value"].sel(parameter=names[0])[0])
    assert low == pytest.approx(card.parameters[names[0]].at(-1.6449), rel=1e-4)
    alone = macro_failures(
        card.with_values({names[0]: low}), DAY, draws=0, lots=1, chips=1, attribution=False,
        reference=1e-4, noise=False,
    )  # fmt: skip
    wanted = float(alone["word_failure"])
    assert float(found["word_failure"][0, 0]) == pytest.approx(wanted, rel=1e-9)


def test_parameters_without_uncertainty_are_refused() -> None:
    card = rel.load_technology("oxram-130nm")
    with pytest.raises(InputError, match=r"unknown uncertain parameter 'relaxation\.HRS\.sigm'"):
        interval_drivers(card, DAY, parameters=["relaxation.HRS.sigm"])
    certain = dataclasses.replace(card, parameters={
        name: p.model_copy(update={"distribution": "exact", "sigma": None, "interval": None})
        for name, p in card.parameters.items()
    })  # fmt: skip
    with pytest.raises(InputError, match="no uncertain parameter"):
        interval_drivers(certain, DAY)
