"""Studies on measured cells: the key ``cells``, what it allows, and where the file is named."""

import re

import pytest

import reliability as rel
from reliability.errors import InputError
from reliability.resources import data_folder

STUDY = """
title = "measured"
technology = "techB"
cells = "techB_relaxation.tsv.gz"
[network]
name = "spirit"
images = 40
neuron = "ideal"
[population]
chips = 3
[stress]
times = ["0 s", "10000 s"]
[uncertainty]
draws = 3
chips = 2
images = 40
"""


@pytest.fixture
def folder(tmp_path):
    source = data_folder() / "measured" / "techB_relaxation.tsv.gz"
    (tmp_path / "techB_relaxation.tsv.gz").write_bytes(source.read_bytes())
    return tmp_path


def written(folder, text=STUDY):
    path = folder / "study.toml"
    path.write_text(text)
    return path


def test_a_study_on_measured_cells_names_the_file(folder):
    study = rel.load_study(written(folder))
    rel.run_study(study, folder / "out", workers=1)
    page = rel.write_report(study, folder / "out").read_text("utf-8")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))
    assert "637 cells of techB_relaxation.tsv.gz (SHA-256 6be9fd7a06c6" in text
    assert "3 bootstrap samples of the measured cells were drawn" in text
    assert "measured cells, SHA-256" in text
    chips = rel.sample_chips(study.load_technology(), rel.load_network("spirit"), chips=3)
    assert chips.attrs["source"] == "techB_relaxation.tsv.gz"


def test_the_hash_follows_the_file(folder):
    first = rel.load_study(written(folder)).spec_hash
    source = data_folder() / "measured" / "techB_bake.tsv.gz"
    (folder / "techB_relaxation.tsv.gz").write_bytes(source.read_bytes())
    with pytest.raises(InputError, match="temperature: got 25 degC"):
        rel.load_study(written(folder))
    same = STUDY.replace('times = ["0 s", "10000 s"]', 'times = ["0 s"]')
    assert rel.load_study(written(folder, same)).spec_hash != first


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"10000 s"', '"10 years"', r"stress: time: got 3.15576e\+08 s, but techB_relaxation.tsv"),
        ("[stress]", '[stress]\ntemperatures = ["85 degC"]', "stress: temperature: got 85 degC"),
        ("[stress]", "[stress]\nreads = [1.0]", "stress: reads: got 1"),
        ("[network]", 'outputs = ["endurance"]\n[network]', "endurance"),
        ('neuron = "ideal"', 'read_temperature = "85 degC"', "read_temperature: acts on the cells"),
        ("[population]", "[programming]\npulse_width = 1e-7\n[population]",
         "pulse_width: techB_relaxation.tsv.gz does not say"),
        ("techB_relaxation.tsv.gz", "absent.tsv", "cells: "),
        ("[network]", '[parameters]\n"relaxation.target.sigma" = 0.1\n[network]',
         "unknown parameter of techB_relaxation"),
    ],
)  # fmt: skip
def test_what_measured_cells_cannot_answer_is_refused(folder, old, new, says):
    text = STUDY.replace(old, new)
    if "endurance" in new:
        text = text.replace("[uncertainty]\ndraws = 3\nchips = 2\nimages = 40\n",
                            "[endurance]\ncycles = [10]\n")  # fmt: skip
    with pytest.raises(InputError, match=says):
        rel.load_study(written(folder, text))
