"""Blind predictions: each kind on data whose answer is known, the command, the page."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import reliability as rel
from reliability.cli import main
from reliability.technology import write_technology
from reliability.validation import KINDS, Row, summary, validate
from tests.network.deep.onnx_models import small_network, small_scores, small_weights

HEAD = 'title = "a test"\nfitted = "half"\nsource = "made here"\n'


def written(path, text):
    path.write_text(HEAD + text)
    return path


def test_rows_and_their_summary() -> None:
    draws = np.linspace(0, 10, 1001)
    rows = [Row.of(name, "p", draws, value) for name, value in (("a", 5), ("b", 9.8), ("c", 2))]
    assert [row.hit for row in rows] == [True, False, True]
    assert (rows[0].low, rows[0].predicted, rows[0].high) == pytest.approx((0.5, 5, 9.5))
    assert rows[1].relative_error == pytest.approx(5 / 9.8 - 1)
    found = summary(rows)
    assert (found["rows"], found["hits"]) == (3, 2)
    assert found["bias"] == 0.0  # one above, one below, one at the median


def test_wear_is_extrapolated(tmp_path) -> None:
    """A cell whose ln R closes by 0.1 and 0.3 per decade from 1000 cycles on."""
    rng = np.random.default_rng(1)
    n = np.arange(100, 1_000_001, 100)
    closure = np.log10(1 + n / 1000)
    r = [10e3 * np.exp(0.1 * closure + 0.1 * rng.standard_normal(len(n))),
         120e3 * np.exp(-0.3 * closure + 0.1 * rng.standard_normal(len(n)))]  # fmt: skip
    pd.DataFrame({"a": 1, "l": r[0], "h": r[1], "n": n}).to_csv(
        tmp_path / "wear.tsv", sep="\t", header=False, index=False
    )
    path = written(tmp_path / "wear.toml", 'kind = "wear"\nfile_name = "wear.tsv"\n'
                   "fit = [1, 1e5]\npredict = [1e5, 1e6]\ndraws = 200\n")  # fmt: skip
    rows = {row.name: row for row in validate(path)}
    medians = [row for name, row in rows.items() if name.startswith("median")]
    assert len(medians) == 16
    last = [row for row in medians if row.name.endswith("8.7e+05 cycles")]
    for row, true in zip(last, (10e3 * 10**0.128, 120e3 * 10**-0.383), strict=True):
        # a decade beyond the data, with an onset of its own
        assert row.predicted == pytest.approx(true, rel=0.3)
    # near the data no wider than their scatter
    first = [row for row in medians if row.name.endswith("1.2e+05 cycles")]
    assert all(row.high / row.low < 1.6 for row in first)


@pytest.fixture(scope="module")
def simple(tmp_path_factory):
    """A card with one uncertain parameter: the median of the HRS."""
    tech = rel.load_technology("oxram-130nm")
    fixed = {key: value for key, value in tech.items() if key != "programming.HRS.resistance"}
    still = {key: 0.0 for key in fixed if key.endswith(("_lot", "_wafer", "_die", ".radial"))}
    path = tmp_path_factory.mktemp("cards") / "simple.toml"
    return write_technology(tech.with_values(fixed | still), path)


def test_counts_of_chips_predict_others(tmp_path, simple, monkeypatch) -> None:
    """Chips written from a known card: the other chips' counts lie inside, other columns or not."""
    for name, value in {"_FIRST": 100, "_SIZE": 60, "_EFFECTIVE": 60.0, "_CHECKED": 10}.items():
        monkeypatch.setattr(f"reliability.conditioning.conditioned_card.{name}", value)
    monkeypatch.setattr("reliability.validation.counted_cells._CARDS", 30)
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"die": range(4), "bit": 0, "rounds": 1, "n": 20_000,
                          "bad": rng.binomial(20_000, 0.02, 4)})  # fmt: skip
    table.to_csv(tmp_path / "counts.csv", index=False)
    text = f'kind = "counts"\nfile_name = "counts.csv"\ncard = "{simple}"\n' \
        'columns = {cells = "n", wrong = "bad", state = "bit", passes = "rounds", chip = "die"}\n' \
        "[fit]\ndie = [0, 1]\n[predict]\ndie = [2, 3]\n"  # fmt: skip
    rows = validate(written(tmp_path / "chips.toml", text))
    assert [row.measured for row in rows] == table["bad"][2:].tolist()
    for row in rows:
        assert row.predicted == pytest.approx(400, rel=0.1)
        # binomial on what two chips leave uncertain
        assert row.high - row.low == pytest.approx(2 * 1.645 * math.sqrt(392 * 1.5), rel=0.4)
    text = text.replace('wrong = "bad"', 'wrong = "worse"')
    with pytest.raises(rel.InputError, match="unknown column 'worse'"):
        validate(written(tmp_path / "wrong.toml", text))


def test_cells_are_split_by_number_and_time(tmp_path) -> None:
    """Cells whose spread is the same everywhere: half of them predict the other half."""
    rng = np.random.default_rng(3)
    level = np.tile(np.arange(3), 200)
    g = 1e-6 * (20 + 30 * level + rng.normal(0, 1, 600))
    table = pd.DataFrame({"cell": np.arange(600), "target [uS]": 20 + 30 * level,
                          "time [s]": 0.0, "conductance [S]": g})  # fmt: skip
    table.to_csv(tmp_path / "cells.csv", index=False)
    path = written(
        tmp_path / "half.toml",
        'kind = "cells"\nfiles = ["cells.csv"]\ndraws = 20\nquantities = ["sigma"]\n'
        "[fit]\ncell = [1, 300]\n[predict]\ncell = [301, 600]\n",
    )
    rows = validate(path)
    assert len(rows) == 3
    assert all(row.unit == "S" for row in rows)
    for row in rows:
        assert row.measured > 0
        assert row.low < row.predicted < row.high


def test_an_array_product_has_the_error_of_its_cells(tmp_path) -> None:
    """Programming error alone: sigma of the sum over rows, in units of the output's sigma."""
    card = rel.load_technology("oxram-milo")
    path = written(tmp_path / "product.toml", 'kind = "product"\ncard = "oxram-milo"\n'
                   'times = ["0 s"]\nmeasured = [0.03]\ndraws = 20\n')  # fmt: skip
    (row,) = validate(path)
    levels = np.linspace(card["target.minimum"], card["target.maximum"], 20)
    sigma = [
        float(rel.sample_population(card, cells=2000, state=float(g), seed=5)["conductance"].std())
        for g in levels
    ]
    half = (levels[-1] - levels[0]) / 2
    # E x^2 is the same above and below; noise and the converters' steps come on top
    assert row.predicted > np.sqrt(np.mean(np.square(sigma))) / half / math.sqrt(1 / 3) * 0.95
    assert row.predicted < 0.2


def test_accuracy_of_a_chip(tmp_path) -> None:
    path = written(
        tmp_path / "chip.toml",
        'kind = "accuracy"\ncard = "oxram-130nm"\nnetwork = "spirit"\nmeasured = 0.84\n'
        "measured_spikes = 136\nchips = 2\nimages = 100\ndraws = 4\n",
    )
    accuracy, spikes = validate(path)
    assert 0.5 < accuracy.predicted < 0.95
    assert accuracy.error == pytest.approx(math.sqrt(0.84 * 0.16 / 10_000))
    assert 50 < spikes.predicted < 400


def test_a_prediction_that_fails_is_a_row_that_says_why(tmp_path, monkeypatch) -> None:
    def fails(*_):
        raise rel.RunError("12300 draws do not reach the posterior")

    monkeypatch.setitem(KINDS, "wear", (KINDS["wear"][0], fails))
    path = written(tmp_path / "w.toml", 'kind = "wear"\nfile_name = "gone.tsv"\n'
                   'data = "elsewhere"\nfit = [1, 10]\npredict = [10, 20]\n')  # fmt: skip
    (row,) = validate(path)
    assert row.hit is None
    assert "do not reach the posterior" in row.note


def test_what_is_absent_says_so_and_bad_input_is_refused(tmp_path) -> None:
    path = written(tmp_path / "gone.toml", 'kind = "wear"\nfile_name = "gone.tsv"\n'
                   'data = "elsewhere"\nfit = [1, 10]\npredict = [10, 20]\n')  # fmt: skip
    (row,) = validate(path)
    assert row.hit is None
    assert "no file gone.tsv" in row.note
    for text, message in (
        ('kind = "weer"\n', "unknown kind 'weer'; did you mean 'wear'"),
        ('kind = "wear"\n', "file_name: missing"),
        ('kind = "cells"\nfiles = []\nfit = {tme = [0, 1]}\npredict = {}\n', "unknown axis 'tme'"),
        ('kind = "wear"\nfile = "x"\nfile_name = "x"\nfit=[1,2]\npredict=[1,2]\n', "unknown key"),
    ):
        with pytest.raises(rel.InputError, match=message):
            validate(written(tmp_path / "bad.toml", text))


def test_the_command_writes_rows_and_the_page(tmp_path, repository) -> None:
    folder = tmp_path / "predictions"
    folder.mkdir()
    written(folder / "mine.toml", 'kind = "wear"\nfile_name = "gone.tsv"\nfit = [1, 10]\n'
            "predict = [10, 20]\n")  # fmt: skip
    written(folder / "chip.toml", 'kind = "accuracy"\ncard = "oxram-130nm"\nnetwork = "spirit"\n'
            "measured = 0.84\nchips = 2\nimages = 50\ndraws = 3\n")  # fmt: skip
    command = ["validate", "--folder", str(folder), "--out", str(tmp_path / "out")]
    page = tmp_path / "page.md"
    run = CliRunner().invoke(main, [*command, "--page", str(page)])
    assert run.exit_code == 0, run.output
    rows = json.loads((tmp_path / "out" / "validation.json").read_text())
    assert {"name", "predicted", "low", "high", "measured", "hit"} <= set(rows[0])
    assert [row["prediction"] for row in rows] == ["chip", "mine"]
    text = page.read_text()
    assert "| accuracy |" in text
    assert "Not predicted here: no file gone.tsv" in text
    run = CliRunner().invoke(main, [*command, "chp"])
    assert run.exit_code == 2
    assert "unknown prediction 'chp'; did you mean 'chip'" in run.output


def test_every_shipped_file_is_understood(analyses) -> None:
    from reliability.validation import load_prediction

    files = sorted((analyses / "validation").glob("*.toml"))
    assert len(files) >= 9
    for file in files:
        assert load_prediction(file).fitted


def test_a_loss_of_accuracy_counts_from_a_reference_on_the_same_images(tmp_path) -> None:
    pytest.importorskip("onnxruntime")
    net = rel.load_network(small_network(tmp_path / "small.onnx"))
    inputs = np.random.default_rng(1).normal(size=(200, 2, 6, 5)).astype(np.float32)
    labels = small_scores(inputs, small_weights()).argmax(axis=1)  # the reference has them all
    np.savez(tmp_path / "images.npz", inputs=inputs, label=labels)
    text = (
        'kind = "accuracy"\ncard = "oxram-analog"\nnetwork = "small.onnx"\nmeasured = 0.9\n'
        'reference = "small.onnx"\nmeasured_reference = 0.95\ntest_data = "images.npz"\n'
        'scale = "layer"\ndraws = 3\nchips = 1\nimages = 200\nseed = 5\n'
    )
    (row,) = validate(written(tmp_path / "loss.toml", text))
    card = rel.load_technology("oxram-analog")
    tiling = rel.Tiling("levels", scale="layer")
    lost = [
        1 - rel.evaluate(net, card.drawn(5, k), tiling=tiling, chips=1, seed=5 + k,
                         data=(inputs, labels))["accuracy"].item()
        for k in range(3)
    ]  # fmt: skip
    assert row.name == "loss of accuracy"
    assert row.predicted == pytest.approx(np.median(lost))
    assert row.predicted > 0
    assert row.measured == pytest.approx(0.05)
    (row,) = validate(written(tmp_path / "gone.toml", text.replace("small", "gone")))
    assert "no file gone.onnx" in row.note
    half = text.replace("measured_reference = 0.95\n", "")
    with pytest.raises(rel.InputError, match="expected both or neither"):
        validate(written(tmp_path / "half.toml", half))
