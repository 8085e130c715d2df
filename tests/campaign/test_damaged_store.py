"""Damaged stores: named by file with what heals them, and healed to the same bits."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import reliability as rel
from reliability.campaign import integrity, read_study, store
from reliability.campaign.load import load_study
from reliability.campaign.plan import make_plan
from reliability.campaign.store_files import read_signed, write_signed
from reliability.cli import main
from tests.campaign.test_run import tree_hash
from tests.conftest import SMALL_STUDY

HOW = ("truncate", "flip", "delete", "empty", "zeros")


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("whole")
    spec = folder / "small.toml"
    spec.write_text(SMALL_STUDY)
    return spec, rel.run_study(load_study(spec), folder / "out", chunk=2)


def damage(path: Path, how: str, rng: np.random.Generator) -> None:
    data = bytearray(path.read_bytes())
    if how == "delete":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "truncate":
        path.write_bytes(data[: rng.integers(len(data))])
    elif how == "zeros":
        path.write_bytes(bytes(len(data)))
    else:
        data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)


def files_of(folder: Path) -> list[Path]:
    kept = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(path for path in kept if path.parent != folder or path.name == store.MARKER)


def check_damage(spec: Path, folder: Path, path: Path, how: str, before: dict[str, str]) -> None:
    """Readers name the damage and the command; the command heals it to the same bits."""
    with pytest.raises(rel.InputError, match=r"damaged|not finished|no study") as refused:
        read_study(folder)
    try:
        found = rel.study_status(folder)
    except rel.InputError as error:
        told = str(error)
    else:
        told = found.get("repair", "")
        assert told or found["tasks_done"] < found["tasks"], (path, how)
    for message in (str(refused.value), told):
        assert "Error" not in message
        assert "damaged" not in message or f"--out {folder}" in message
    rel.run_study(load_study(spec), folder)
    assert tree_hash(folder / store.RESULTS) == before["results"], (path, how)
    assert (folder / store.MARKER).read_text() == before["marker"]
    read_study(folder)


def trials(whole: tuple[Path, Path], tmp_path: Path, count: int, seed: int) -> None:
    spec, folder = whole
    before = {
        "results": tree_hash(folder / store.RESULTS),
        "marker": (folder / store.MARKER).read_text(),
    }
    rng = np.random.default_rng(seed)
    by_kind: dict[str, list[Path]] = {"zarr.json": [], "study.json": [], "chunk": []}
    for path in files_of(folder):
        by_kind[path.name if path.name in by_kind else "chunk"].append(path)
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    for k in range(count):
        kind = ("chunk", "zarr.json", "chunk", "study.json")[k % 4]
        path = copy / by_kind[kind][rng.integers(len(by_kind[kind]))].relative_to(folder)
        how = HOW[int(rng.integers(len(HOW)))]
        damage(path, how, rng)
        check_damage(spec, copy, path, how, before)  # which heals it for the next one


def test_damage_is_named_and_healed(whole, tmp_path) -> None:
    trials(whole, tmp_path, 4, seed=1)


@pytest.mark.slow
def test_damage_is_named_and_healed_at_length(whole, tmp_path) -> None:
    trials(whole, tmp_path, 160, seed=2)


def test_commands_name_the_damaged_file_and_what_heals_it(whole, tmp_path) -> None:
    _, folder = whole
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (chunk,) = (copy / store.RESULTS / "chips" / "energy" / "c" / "0" / "0" / "1").iterdir()
    chunk.unlink()
    for command in (["report", str(copy)], ["compare", str(folder), str(copy)]):
        found = CliRunner().invoke(main, command)
        assert found.exit_code == 2, found.output
        assert f"{chunk} is damaged; 'reliability run STUDY.toml --out {copy}'" in found.stderr
    found = CliRunner().invoke(main, ["status", str(copy)])
    assert f"{chunk} is damaged" in " ".join(found.stdout.split())
    assert rel.study_status(copy)["damaged"] == [str(chunk.relative_to(copy))]


def test_values_of_another_study_or_place_are_damage(whole, tmp_path) -> None:
    """What an orphan of another seed writes late has checksums that belong to its own study."""
    spec, folder = whole
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    other = rel.run_study(load_study(spec, {"seed": 6}), tmp_path / "other", chunk=2)
    chips = store.RESULTS + "/chips"
    for path in (other / chips).rglob("c/**/1"):
        if path.is_file():
            shutil.copy(path, copy / path.relative_to(other))
    assert rel.study_status(copy)["damaged"] == ["results.zarr/chips/task_checksum/c/1"]
    here = Path(shutil.copytree(folder, tmp_path / "here"))
    for path in (here / chips).rglob("c/**/1"):  # the same study, in another place
        if path.is_file():
            shutil.copy(path.with_name("0"), path)
    assert "results.zarr/chips/task_checksum/c/1" in rel.study_status(here)["damaged"]
    rel.run_study(load_study(spec), here)
    assert tree_hash(here / store.RESULTS) == tree_hash(folder / store.RESULTS)


def test_a_worker_that_looks_at_some_tasks_finds_the_same(tmp_path) -> None:
    spec = tmp_path / "swept.toml"
    spec.write_text(
        'title = "swept"\ntechnology = "oxram-130nm"\n[network]\nimages = 20\n'
        '[population]\nchips = 4\n[[sweep]]\nname = "seed"\nvalues = [1, 2]\n'
    )
    study = load_study(spec)
    folder = rel.run_study(study, tmp_path / "out", chunk=1)
    chunks = [path for path in (folder / store.RESULTS / "chips").rglob("c/**/*") if path.is_file()]
    rng = np.random.default_rng(4)
    for how in HOW:
        damage(chunks[rng.integers(len(chunks))], how, rng)
    layout, plan = store.layout_of(folder, store.read_marker(folder)), list(make_plan(study, 1))
    whole = list(integrity.missing(layout, plan))
    assert 2 <= len(whole) <= len(HOW)
    parts = [plan[k : k + 3] for k in range(0, len(plan), 3)]
    assert [task for part in parts for task in integrity.missing(layout, part)] == whole


@pytest.mark.parametrize(
    "place",
    ["../x", "..", "/tmp/x", "a/b", "file:///tmp/x", "LOCAL:///x", "zip::file:///x", "x\\y"],
)
def test_a_received_folder_names_no_place_outside(whole, tmp_path, place) -> None:
    spec, folder = whole
    copy = Path(shutil.copytree(folder, tmp_path / "inside" / "copy"))
    victim = tmp_path / "inside" / "x"
    (victim / "chips").mkdir(parents=True)
    (victim / "chips" / "thesis.tex").write_text("x")
    content = read_signed(copy / store.MARKER) | {"store": place}
    write_signed(copy / store.MARKER, content)
    for act in (lambda: rel.run_study(load_study(spec), copy), lambda: read_study(copy),
                lambda: rel.study_status(copy)):  # fmt: skip
        with pytest.raises(rel.InputError, match=r"store: got .* expected a name in the folder"):
            act()
    assert (victim / "chips" / "thesis.tex").read_text() == "x"
    assert sorted(path.name for path in victim.iterdir()) == ["chips"]


def test_a_marker_of_another_shape_is_one_line(whole, tmp_path) -> None:
    _, folder = whole
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    right = read_signed(copy / store.MARKER)
    for wrong in ({"chunk": 0}, {"chunk": "2"}, {"points": [3]}, {"spec": []}, {"store": 7}):
        write_signed(copy / store.MARKER, right | wrong)
        with pytest.raises(rel.InputError, match=str(copy / store.MARKER)):
            rel.study_status(copy)
    (copy / store.MARKER).write_text("[" * 100_000)
    with pytest.raises(rel.InputError, match="is damaged"):
        rel.study_status(copy)
