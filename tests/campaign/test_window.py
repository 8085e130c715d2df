"""The programming window as an output of a study and as a command: numbers of the function."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import reliability as rel
from reliability.campaign.outputs.window import rates
from reliability.campaign.store import read_results
from reliability.cli import main

STUDY = """
title = "window"
technology = "oxram-130nm"
outputs = ["window"]
uncertainty.draws = 2
limits.bit_error_rate = 0.5
[window]
compliance_currents = ["50 uA", "200 uA"]
reset_voltages = ["2.6 V", "2.9 V"]
target_error_rate = 1e-2
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("window")
    path = folder / "window.toml"
    path.write_text(STUDY)
    study = rel.load_study(path)
    return study, rel.run_study(study, folder / "out")


def test_the_study_stores_what_the_function_gives(ran) -> None:
    study, folder = ran
    conditions = {"compliance_current": ["50 uA", "200 uA"], "reset_voltage": ["2.6 V", "2.9 V"]}
    card = rel.load_technology("oxram-130nm")
    found = rates(study, read_results(folder))
    for k, own in ((0, card), (2, card.drawn(0, 2))):
        direct = rel.programming_window(own, **conditions)
        stored = read_results(folder)["window"]["bit_error_rate"].isel(draw=k)
        np.testing.assert_allclose(stored, direct["bit_error_rate"], rtol=1e-12)
    assert (found["bit_error_rate_low"] <= found["bit_error_rate_high"]).all()


def test_the_answer_is_the_best_condition(ran) -> None:
    study, folder = ran
    answer = json.loads((folder / "summary.json").read_text())
    rate = read_results(folder)["window"]["bit_error_rate"].isel(draw=0)
    best = answer["window"]["best"]
    assert best["bit_error_rate"] == float(rate.min())
    at = rate.sel(compliance_current=best["compliance_current"],
                  reset_voltage=best["reset_voltage"])  # fmt: skip
    assert float(at) == best["bit_error_rate"]
    assert answer["window"]["conditions_reaching_target"] == int((rate <= 1e-2).sum())
    assert answer["limits"][0]["outcome"] == "demonstrated"
    page = rel.write_report(study, folder).read_text("utf-8")
    for part in ("window", "window-map", "window-table", "limits"):
        assert f'id="{part}"' in page


def test_the_command_prints_the_table_and_json() -> None:
    command = ["window", "--reset-voltage", "2.6 V, 2.9 V", "--target", "1e-2"]
    found = CliRunner().invoke(main, command)
    assert found.exit_code == 0, found.output
    lines = found.stdout.splitlines()
    assert lines[0].split("  ")[0] == "RESET voltage"
    assert lines[-1].startswith("The lowest bit-error rate is")
    told = json.loads(CliRunner().invoke(main, [*command, "--json"]).stdout)
    direct = rel.programming_window(
        rel.load_technology("oxram-130nm"), reset_voltage=["2.6 V", "2.9 V"]
    )
    assert told["best"]["bit_error_rate"] == pytest.approx(float(direct["bit_error_rate"].min()))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--reset-voltage", "1 V"], "reset_voltage"),
        (["--compliance-current", "1 kg"], "compliance_currents"),
        (["--technology", "pcm-mushroom"], "levels, not LRS and HRS"),
        (["--verify-lrs", "6 kohm"], "programming.verify"),
        (["--target", "2"], "target_error_rate"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(arguments, says) -> None:
    found = CliRunner().invoke(main, ["window", *arguments])
    assert found.exit_code == 2, found.output
    assert says in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1
