"""Studies side by side: paired where they share chips, and only real differences are called so."""

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import reliability as rel
from reliability.cli import main

STUDY = """
title = "{title}"
technology = "oxram-130nm"
seed = {seed}
[network]
images = 60
[population]
chips = 6
dies_per_wafer = 1
[stress]
times = ["0 s", "10 years"]
temperatures = ["25 degC", "125 degC"]
[parameters]
"programming.HRS.sigma_cell" = {sigma}
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The same chips twice (other spread), and chips of another seed."""
    root = tmp_path_factory.mktemp("compare")
    out = []
    for title, seed, sigma in (("a", 5, 1.0), ("b", 5, 0.3), ("c", 6, 1.0)):
        spec = root / f"{title}.toml"
        spec.write_text(STUDY.format(title=title, seed=seed, sigma=sigma))
        out.append(rel.run_study(rel.load_study(spec), root / title))
    return out


def test_studies_that_share_chips_are_paired(folders) -> None:
    told = rel.compare_studies(folders)
    by = {(row["study"], row["condition"]["time"], row["condition"]["temperature"]): row
          for row in told["differences"]}  # fmt: skip
    assert len(by) == len(told["differences"]) == 6  # nothing differs before the mission
    hot = by[1, 315576000.0, 398.15]
    cold = by[1, 0.0, 298.15]
    assert cold["paired"]
    assert cold["how"] == "paired: the same 6 chips, the same images"
    assert cold["low"] < cold["difference"] < cold["high"]
    assert cold["difference"] == pytest.approx(cold["other"] - cold["first"])
    assert hot["p"] >= 0
    other = by[2, 0.0, 298.15]
    assert not other["paired"]
    assert "between lots is not in the interval" in other["how"]
    assert {row["key"]: row["values"] for row in told["settings"]} == {
        "seed": [5, 5, 6], "parameters.programming.HRS.sigma_cell": [1.0, 0.3, 1.0],
    }  # fmt: skip


def test_chips_of_few_wafers_decide_nothing_about_others(tmp_path) -> None:
    """Six chips on two wafers each, of other seeds; of one seed they are the same chips."""
    two = STUDY.replace("dies_per_wafer = 1", "dies_per_wafer = 3")
    one, other, again = (
        ran(tmp_path, two.format(title=title, seed=seed, sigma=sigma))
        for title, seed, sigma in (("x", 5, 1.0), ("y", 6, 1.0), ("z", 5, 0.3))
    )
    told = rel.compare_studies([one, other, again])["differences"]
    assert {row["how"].partition(":")[0] for row in told if row["study"] == 1} == {"not tested"}
    assert not any(row["real"] or row["low"] for row in told if row["study"] == 1)
    assert all(row["paired"] and row["low"] < row["high"] for row in told if row["study"] == 2)


@pytest.mark.slow
def test_missions_that_end_otherwise_are_compared_at_their_ends(folders, tmp_path) -> None:
    """A year at 25 °C against ten at 200 °C: the same chips, and the report draws them."""
    cool = ran(tmp_path, STUDY.format(title="cool", seed=5, sigma=1.0).replace(
        'times = ["0 s", "10 years"]', 'times = ["1 year"]').replace(
        '"25 degC", "125 degC"', '"25 degC"'))  # fmt: skip
    hot = ran(tmp_path, STUDY.format(title="hot", seed=5, sigma=1.0).replace(
        '"25 degC", "125 degC"', '"200 degC"'))  # fmt: skip
    told = rel.compare_studies([cool, hot])
    (row,) = told["differences"]
    assert row["condition"]["of_first"]["temperature"] == 298.15
    assert row["condition"]["of_other"]["time"] == 315576000.0
    means = [one["accuracy"]["mean"] for one in told["studies"]]
    assert (row["first"], row["other"]) == pytest.approx(tuple(means))
    assert row["paired"]
    assert row["real"]  # ten years at 200 °C lose most of what the network knows
    found = CliRunner().invoke(main, ["compare", str(cool), str(hot), "--out", str(tmp_path / "c")])
    assert found.exit_code == 0, found.output
    assert "after 10 years at 200 °C, of the first after 1 year at 25 °C" in found.stdout
    assert 'id="chips"' in (tmp_path / "c" / "report.html").read_text("utf-8")


def test_what_phenomena_cost_is_compared_on_the_same_chips(tmp_path) -> None:
    """The shares add up to the loss, and a spread that was taken out costs less."""
    text = STUDY.split("[parameters]")[0].replace("[stress]", '''[attribution]
phenomena = ["device-to-device variability", "neurons"]
chips = 6
images = 60
[stress]''').replace("seed = {seed}", 'seed = {seed}\noutputs = ["attribution"]')  # fmt: skip
    wide = ran(tmp_path, text.format(title="wide", seed=5))
    narrow = ran(tmp_path, text.format(title="narrow", seed=5)
                 + "[parameters]\n\"programming.HRS.sigma_cell\" = 0.3\n")  # fmt: skip
    rows = {row["phenomenon"]: row for row in rel.compare_studies([wide, narrow])["differences"]}
    assert set(rows) == {"", "device-to-device variability", "neurons"}
    for which in ("first", "other", "difference"):
        parts = rows["device-to-device variability"][which] + rows["neurons"][which]
        assert rows[""][which] == pytest.approx(parts)
    assert rows["device-to-device variability"]["difference"] < 0
    assert (
        rows["device-to-device variability"]["how"] == "paired: the same 6 chips, the same images"
    )


def test_a_study_does_not_differ_from_itself(folders) -> None:
    told = rel.compare_studies([folders[0], folders[0]])
    assert all(row["difference"] == 0 and not row["real"] for row in told["differences"])


def test_command_writes_a_report_and_json(folders, tmp_path) -> None:
    out = tmp_path / "out"
    arguments = ["compare", *map(str, folders), "--out", str(out), "--json"]
    found = CliRunner().invoke(main, arguments)
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert json.loads((out / "compare.json").read_text())["differences"] == told["differences"]
    page = (out / "report.html").read_text("utf-8")
    for part in ("studies-table", "settings", "difference-figure", "accuracy", "chips",
                 "differences-table", "provenance"):  # fmt: skip
        assert f'id="{part}"' in page
    text = CliRunner().invoke(main, ["compare", *map(str, folders)]).stdout
    assert "B less A, accuracy as programmed" in text


def test_what_cannot_be_compared_is_refused(folders, tmp_path) -> None:
    def refused(*places) -> str:
        found = CliRunner().invoke(main, ["compare", *map(str, places)])
        assert found.exit_code == 2
        assert len(found.stderr.strip().splitlines()) == 1
        return found.stderr

    assert "expected two or more" in refused(folders[0])
    assert "no study in" in refused(folders[0], tmp_path)
    sweep = ran(tmp_path, STUDY.format(title="s", seed=5, sigma=1.0) + LEADS.format("5, 10"))
    assert "expected the same axes" in refused(folders[0], sweep)
    energy = ran(tmp_path, ENERGY.format(seed=1, draws=2, more=FEW.format(1.2)))
    area = ran(tmp_path, ENERGY.format(seed=1, draws=2, more="").replace('"energy"', '"area"'))
    assert "architecture studies of area and of energy" in refused(energy, area)
    assert "nothing in common" in refused(folders[0], energy)


# --- answers of architecture studies

ENERGY = """
title = "energy"
technology = "oxram-130nm"
outputs = ["architecture"]
seed = {seed}
uncertainty.draws = {draws}
[architecture]
study = "energy"
{more}
"""
FEW = "images = 20\nlead = 1\nparameters.supply.voltage = {}\n"


def ran(folder: Path, text: str) -> Path:
    """Run a study in a folder of its own."""
    spec = folder / f"{sha256(text.encode()).hexdigest()[:12]}.toml"
    spec.write_text(text)
    return rel.run_study(rel.load_study(spec), spec.with_suffix(""))


@pytest.fixture(scope="module")
def energies(tmp_path_factory):
    """Energy of a spike: at 1.2 V, at 0.9 V, at 1.2 V with another seed."""
    root = tmp_path_factory.mktemp("energies")
    return [
        ran(root, ENERGY.format(seed=seed, draws=12, more=FEW.format(supply)))
        for seed, supply in ((3, 1.2), (3, 0.9), (4, 1.2))
    ]


def of_event(told, study):
    (row,) = (r for r in told["differences"]
              if r["study"] == study and r["name"] == "event_energy")  # fmt: skip
    return row


def test_answers_of_architecture_are_paired_over_draws_and_a_true_difference_is_found(
    energies,
) -> None:
    told = rel.compare_studies(energies)
    lower, other = of_event(told, 1), of_event(told, 2)
    assert lower["paired"]
    assert lower["how"] == "paired: the same 12 draws of card and components"
    assert lower["measure"] == "ratio"
    assert lower["ratio"] == pytest.approx(lower["other"] / lower["first"])
    assert lower["ratio"] < 1
    assert lower["high"] < 1
    assert lower["real"]
    # what the draws share cancels: their own spread is many times wider
    answer = told["studies"][0]["architecture"]["quantities"]["event_energy"]
    assert answer["value"] == lower["first"]
    assert np.log(lower["high"] / lower["low"]) < 0.2 * np.log(answer["high"] / answer["low"])
    # of another seed: the same model, other draws
    assert not other["paired"]
    assert other["low"] < 1 < other["high"]
    assert not any(row["real"] for row in told["differences"] if row["study"] == 2)


def test_an_architecture_study_does_not_differ_from_itself(energies) -> None:
    told = rel.compare_studies([energies[0], energies[0]])
    assert told["differences"]
    for row in told["differences"]:
        assert row[row["measure"]] == (1 if row["measure"] == "ratio" else 0)
        assert row["low"] == row["high"]
        assert not row["real"]


def test_another_card_has_draws_of_its_own(energies, tmp_path) -> None:
    text = ENERGY.format(seed=3, draws=12, more=FEW.format(1.2)).replace("130nm", "200mm")
    told = rel.compare_studies([energies[0], ran(tmp_path, text)])
    assert not any(row["paired"] for row in told["differences"])


def test_without_draws_nothing_is_called_real(tmp_path) -> None:
    folders = [
        ran(tmp_path, ENERGY.format(seed=3, draws=2, more=FEW.format(supply)).replace(
            "uncertainty.draws = 2", ""))
        for supply in (1.2, 0.9)
    ]  # fmt: skip
    told = rel.compare_studies(folders)
    assert {row["how"] for row in told["differences"]} == {"not tested: nothing was sampled"}
    assert not any(row["real"] for row in told["differences"])
    assert all(row["p"] is None for row in told["differences"])
    text = CliRunner().invoke(main, ["compare", *map(str, folders)]).stdout
    assert "B over A, energy of a synaptic event: ×" in text
    assert "(no interval), not significant (not tested: nothing was sampled)" in text


# --- sweeps, point by point

LEADS = """
[[sweep]]
name = "network.delta_s"
label = "lead"
values = [{}]
"""
HOTTER = """
[[sweep]]
name = "temperature"
values = ["25 degC", "125 degC"]
"""


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory):
    """Two spreads of cells over leads of which two are common, and another seed."""
    root = tmp_path_factory.mktemp("sweeps")
    return [
        ran(root, STUDY.format(title="s", seed=seed, sigma=sigma) + LEADS.format(leads))
        for seed, sigma, leads in ((5, 0.3, "5, 10, 20"), (5, 2.0, "2, 10, 5"), (6, 0.3, "5, 10"))
    ]


@pytest.mark.slow
def test_each_common_point_is_compared_as_the_studies_at_that_point_are(sweeps, tmp_path) -> None:
    told = rel.compare_studies(sweeps)
    assert told["axes"] == {"network.delta_s": "lead"}
    assert told["missing"] == [
        {"study": 1, "to": 0, "point": {"network.delta_s": 20}},
        {"study": 0, "to": 1, "point": {"network.delta_s": 2}},
        {"study": 2, "to": 0, "point": {"network.delta_s": 20}},
    ]
    alone = [
        ran(tmp_path, STUDY.format(title="s", seed=5, sigma=sigma).replace(
            "images = 60", "images = 60\ndelta_s = 5"))
        for sigma in (0.3, 2.0)
    ]  # fmt: skip
    wanted = rel.compare_studies(alone)["differences"]
    found = [row for row in told["differences"]
             if row["study"] == 1 and row["point"] == {"network.delta_s": 5}]  # fmt: skip
    keys = ("condition", "first", "other", "difference", "low", "high", "p", "how")
    assert [[row[key] for key in keys] for row in found] == [
        [row[key] for key in keys] for row in wanted
    ]
    assert any(row["real"] for row in told["differences"] if row["study"] == 1)
    assert not any(row["paired"] for row in told["differences"] if row["study"] == 2)


def test_a_sweep_does_not_differ_from_itself(sweeps) -> None:
    told = rel.compare_studies([sweeps[0], sweeps[0]])
    assert told["missing"] == []
    assert {row["point"]["network.delta_s"] for row in told["differences"]} == {5, 10, 20}
    assert all(row["difference"] == 0 and not row["real"] for row in told["differences"])


def test_sweeps_without_a_common_point_are_refused(sweeps, tmp_path) -> None:
    other = ran(tmp_path, STUDY.format(title="s", seed=5, sigma=1.0) + LEADS.format("3, 4"))
    with pytest.raises(rel.InputError, match="no point, temperature or answer in common"):
        rel.compare_studies([sweeps[0], other])


@pytest.mark.slow
def test_the_report_lays_the_sweeps_over_each_other(sweeps, energies, tmp_path) -> None:
    def page(*folders) -> str:
        out = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        found = CliRunner().invoke(main, ["compare", *map(str, folders), "--out", str(out)])
        assert found.exit_code == 0, found.output
        return (out / "report.html").read_text("utf-8")

    one = page(*sweeps)
    assert "Accuracy against lead" in one
    assert "A has no point at lead 2." in one
    assert "B has no point at lead 20." in one
    text = STUDY.replace('temperatures = ["25 degC", "125 degC"]', "")
    two = [
        ran(tmp_path, text.format(title="t", seed=5, sigma=s) + LEADS.format("5, 10") + HOTTER)
        for s in (0.3, 2.0)
    ]
    assert "Accuracy against lead and temperature" in page(*two)
    design = HOTTER.replace('values = ["25 degC", "125 degC"]', "low = 300\nhigh = 400")
    spread = design.replace("temperature", "time").replace("300", "8")
    many = [
        ran(tmp_path, text.format(title="d", seed=5, sigma=s) + design + spread
            + '[design]\nkind = "sobol"\npoints = 4\n')
        for s in (0.3, 2.0)
    ]  # fmt: skip
    assert "Accuracy of each study against that of A" in page(*many)
    side_by_side = page(*energies)
    assert 'id="answers"' in side_by_side
    assert "energy of a synaptic event" in side_by_side
    assert 'id="ratio-figure"' in side_by_side


@pytest.mark.slow
def test_studies_that_end_at_other_ages_are_drawn_where_all_have_been(tmp_path) -> None:
    def study(times: str, more: str = "") -> Path:
        text = STUDY.replace('temperatures = ["25 degC", "125 degC"]', "")
        text = text.replace('"0 s", "10 years"', times)
        return ran(tmp_path, text.format(title="t", seed=5, sigma=1.0) + more)

    for more in ("", LEADS.format("5, 10")):
        folders = [study(times, more) for times in
                   ('"0 s", "1 year", "10 years"', '"0 s", "1 year"', '"0 s", "10 years"')
                   ]  # fmt: skip
        out = tmp_path / f"out{len(more)}"
        found = CliRunner().invoke(main, ["compare", *map(str, folders), "--out", str(out)])
        assert found.exit_code == 0, found.output
