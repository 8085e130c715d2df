"""Studies side by side: paired where they share chips, and only real differences are called so."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import stats

import reliability as rel
from reliability.campaign.compare import holm, paired_difference, unpaired_difference
from reliability.cli import main

STUDY = """
title = "{title}"
technology = "oxram-130nm"
seed = {seed}
[network]
images = 60
[population]
chips = 6
dies_per_wafer = 3
[ages]
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


def test_paired_and_unpaired_agree_with_scipy() -> None:
    x, y = np.array([0.80, 0.82, 0.85, 0.81]), np.array([0.83, 0.84, 0.86, 0.85])
    paired = paired_difference(x, y, 0.95)
    oracle = stats.ttest_rel(y, x)
    interval = oracle.confidence_interval(0.95)
    assert paired["p"] == pytest.approx(oracle.pvalue)
    assert (paired["low"], paired["high"]) == pytest.approx((interval.low, interval.high))
    welch = unpaired_difference(x, y[:3], 0.9)
    oracle = stats.ttest_ind(y[:3], x, equal_var=False)
    interval = oracle.confidence_interval(0.9)
    assert welch["p"] == pytest.approx(oracle.pvalue)
    assert (welch["low"], welch["high"]) == pytest.approx((interval.low, interval.high))


def test_holm_agrees_with_its_definition() -> None:
    p = [0.01, 0.04, 0.03, 0.005, np.nan]
    assert holm(p, 0.05) == [True, False, False, True, False]  # 0.03 > 0.05 / 3
    assert holm([0.01], 0.05) == [True]


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


def test_a_study_does_not_differ_from_itself(folders) -> None:
    told = rel.compare_studies([folders[0], folders[0]])
    assert all(row["difference"] == 0 and not row["real"] for row in told["differences"])


@pytest.mark.slow
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
    marker = folders[0].parent / "sweep"
    text = STUDY.format(title="s", seed=5, sigma=1.0).replace("chips = 6", "chips = 2")
    spec = tmp_path / "sweep.toml"
    spec.write_text(text + '[[sweep]]\nname = "network.delta_s"\nvalues = [5, 10]\n')
    sweep = rel.run_study(rel.load_study(spec), marker)
    assert "one is a sweep" in refused(folders[0], sweep)
