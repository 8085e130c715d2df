"""A kind of output is two modules' worth of objects, and a study reads each of its files once."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import reliability as rel
from reliability.campaign.kind import Group, Kind, cut
from reliability.campaign.outputs import OUTPUTS
from reliability.campaign.spec import study_type
from reliability.campaign.store import read_results
from reliability.campaign.tables import Count, Table
from reliability.report.chapter import Chapter
from reliability.report.outputs import CHAPTERS
from reliability.report.page import KeyFigure, Section
from reliability.report.page import Table as PageTable
from reliability.resources import data_folder


class SquaresTable(Table):
    numbers: Count = 4
    """How many."""


def squares(study, task) -> xr.Dataset:
    number = np.arange(task.first, task.first + task.count)
    return xr.Dataset({"square": ("number", number**2.0)}, {"number": number})


def difference(first, other, confidence):
    x, y = (float(results["squares"]["square"].sum()) for _, results in (first, other))
    yield {"quantity": "sum of squares", "condition": {}, "unit": "1", "first": x, "other": y,
           "difference": y - x, "low": y - x, "high": y - x, "p": 1.0, "paired": True,
           "how": "exact"}  # fmt: skip


SQUARES = Kind(
    table=SquaresTable,
    default=SquaresTable(),
    groups={"squares": Group("number", squares)},
    tasks=lambda study, point: cut("squares", point, study.options("squares").numbers, 3, 1),
    answer=lambda study, results: {"squares": float(results["squares"]["square"].sum())},
    compare=difference,
)
CHAPTER = Chapter(
    sections=lambda finished: iter(
        [Section("squares", "Squares", tables=[PageTable("sum", "Sum", "", ["sum"], [["14"]])])]
    ),
    statement=lambda finished: iter([f"The sum is {finished.summary['squares']:.0f}."]),
    lines=lambda answer: iter([f"sum {answer['squares']:.0f}"]),
    key_figures=lambda finished: iter([KeyFigure("sum", f"{finished.summary['squares']:.0f}")]),
    method=lambda study: iter([f"{study.options('squares').numbers} squares were added."]),
)


def test_a_new_kind_goes_from_the_plan_to_the_report(monkeypatch, tmp_path) -> None:
    monkeypatch.setitem(OUTPUTS, "squares", SQUARES)
    monkeypatch.setitem(CHAPTERS, "squares", CHAPTER)
    made = study_type(OUTPUTS)
    study = made(title="s", technology="oxram-130nm", outputs=("squares",),
                 squares={"numbers": 5})  # fmt: skip
    assert rel.plan_study(study)["tasks"] == 2
    folder = rel.run_study(study, tmp_path / "out")
    assert read_results(folder)["squares"]["square"].values.tolist() == [0, 1, 4, 9, 16]
    assert json.loads((folder / "summary.json").read_text())["squares"] == 30
    page = rel.write_report(study, folder).read_text("utf-8")
    assert "The sum is 30." in page
    assert "5 squares were added." in page
    assert 'id="squares"' in page
    with pytest.raises(ValueError, match="squares"):
        made(title="s", technology="oxram-130nm", squares={"numbers": 0})


@pytest.mark.parametrize("axis", [False, True])
def test_card_and_network_are_read_once(monkeypatch, plain, tmp_path, axis) -> None:
    reads: Counter[str] = Counter()

    def counted(real):
        def read(path, *arguments, **more):
            if path.parent.name in ("technologies", "networks"):
                reads[f"{path.parent.name} {path.name}"] += 1
            return real(path, *arguments, **more)

        return read

    card = tmp_path / "technologies" / "own.toml"  # shipped ones stay read in the process
    card.parent.mkdir()
    card.write_bytes((data_folder() / "technologies" / "oxram-130nm.toml").read_bytes())
    plain.write_text(plain.read_text().replace('"oxram-130nm"', f'"{card}"'))
    for name in ("read_bytes", "read_text"):
        monkeypatch.setattr(Path, name, counted(getattr(Path, name)))
    if axis:
        plain.write_text(plain.read_text() + '[[sweep]]\nname = "network.delta_s"\n'
                         "values = [5, 10]\n")  # fmt: skip
    study = rel.load_study(plain)
    rel.plan_study(study)
    rel.run_study(study, tmp_path / "out")
    rel.write_report(study, tmp_path / "out")
    assert set(reads.values()) == {1}, reads
    assert {name.split()[0] for name in reads} == {"technologies", "networks"}


def test_every_kind_has_its_chapter() -> None:
    assert list(OUTPUTS) == list(CHAPTERS)
    for name, kind in OUTPUTS.items():
        keys = set(kind.limits.model_fields) if kind.limits else set()
        assert keys == set(CHAPTERS[name].limits)
