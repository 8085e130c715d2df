"""Runs: the same bits whatever the workers, chunks and interruptions; folders are safe."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import reliability as rel
from reliability.campaign import store
from reliability.campaign.plan import make_plan, plan_study, points
from reliability.campaign.spec import load_study


def tree_hash(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return digest.hexdigest()


@pytest.fixture
def study(small):
    return load_study(small)


def test_results_do_not_depend_on_workers_or_chunks(study, tmp_path) -> None:
    """Bit-identical files with 1 and 2 workers and with chunks of 1, 2 and all chips."""
    hashes = set()
    for k, (workers, chunk) in enumerate([(1, 32), (2, 2), (1, 1)]):
        folder = rel.run_study(study, tmp_path / f"out{k}", workers=workers, chunk=chunk)
        hashes.add(tree_hash(folder / "results.zarr"))
    assert len(hashes) == 1


def test_an_interrupted_run_goes_on_to_the_same_bits(study, tmp_path, finished) -> None:
    class Stop(Exception):
        pass

    def stop(task, done, total):
        if done > total * 0.4:
            raise Stop

    broken = tmp_path / "broken"
    with pytest.raises(Stop):
        rel.run_study(study, broken, chunk=1, progress=stop)
    kept = {path.name for path in (broken / "parts").iterdir()}
    assert kept
    assert not (broken / "results.zarr").exists()
    again: list[str] = []
    rel.run_study(study, broken, chunk=1, progress=lambda task, *_: again.append(task.name))
    assert not {f"{name}.npz" for name in again} & kept  # nothing is computed twice
    assert tree_hash(broken / "results.zarr") == tree_hash(finished / "results.zarr")
    assert not (broken / "parts").exists()


def test_killed_in_the_middle(small, tmp_path, repository, finished) -> None:
    """SIGKILL while it runs, then the same command: the bits of an undisturbed run."""
    command = [sys.executable, "-m", "reliability.cli", "run", str(small), "--workers", "1"]
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    out = tmp_path / "killed"
    process = subprocess.Popen(
        [*command, "--out", str(out)], stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stderr is not None
    process.stderr.readline()  # the first task is done
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "results.zarr").exists()
    subprocess.run([*command, "--out", str(out)], check=True, env=environment, capture_output=True)
    assert tree_hash(out / "results.zarr") == tree_hash(finished / "results.zarr")


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(small, tmp_path, repository) -> None:
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    out = tmp_path / "stopped"
    command = [sys.executable, "-m", "reliability.cli", "run", str(small), "--out", str(out)]
    process = subprocess.Popen(
        [*command, "--workers", "2"], stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    if process.returncode == 0:
        pytest.skip("finished before the signal came")
    assert process.returncode == 130
    assert "the same command goes on" in message
    assert "Traceback" not in message
    assert list((out / "parts").glob("*.npz"))
    subprocess.run(command, check=True, env=environment, capture_output=True)
    assert (out / "report.html").is_file()


def test_a_folder_with_something_else_is_left_alone(study, tmp_path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("x")
    with pytest.raises(rel.InputError, match="not empty and holds no study"):
        rel.run_study(study, other)
    assert [path.name for path in other.iterdir()] == ["thesis.tex"]
    with pytest.raises(rel.InputError, match="is a file"):
        rel.run_study(study, other / "thesis.tex")


def test_another_study_is_refused_with_the_difference(small, finished) -> None:
    before = tree_hash(finished)
    with pytest.raises(rel.InputError, match=r"another study \(population.chips: 5 there, 6 here"):
        rel.run_study(load_study(small, {"population.chips": 6}), finished)
    assert tree_hash(finished) == before


def test_a_truncated_part_is_not_taken_for_a_result(study, tmp_path) -> None:
    """Parts are renamed when whole: a leftover of a crash has another name and is ignored."""
    folder = tmp_path / "out"
    store.open_folder(folder, study.model_dump(mode="json"), study.spec_hash)
    (folder / "parts" / ".ideal-00000000-1.npz").write_bytes(b"PK half a file")
    assert not store.has_part(folder, "ideal-00000000-1")
    rel.run_study(study, folder)
    assert store.is_complete(folder)


def test_plan_covers_every_chip_draw_and_point_once(study) -> None:
    for chunk in (1, 2, 32):
        covered: dict[str, list[int]] = {}
        for task in make_plan(study, chunk):
            covered.setdefault(task.group, []).extend(range(task.first, task.first + task.count))
        assert covered == {
            "ideal": [0],
            "chips": list(range(5)),
            "draws": list(range(5)),
            "sensitivity": list(range(4)),
        }
    assert points(study)[1] == {"spread": 0.5, "stuck": 0.01}


def test_plan_estimates(study) -> None:
    found = plan_study(study, workers=2)
    assert found["image_evaluations"] == 40 + 5 * 40 * 4 + 5 * 2 * 30 * 4 + 4 * 2 * 30
    assert found["seconds"] > 0


def test_stored_numbers_are_those_of_evaluate(study, finished) -> None:
    results = store.read_results(finished)
    tech, net = study.load_technology(), study.load_network()
    direct = rel.evaluate(
        net,
        rel.sample_chips(tech, net, chips=5, dies_per_wafer=3, seed=5),
        images=40,
        seed=5,
        neuron=rel.Neuron.from_technology(tech),
        profile=rel.MissionProfile.constant("10 years", "125 degC"),
    )
    stored = results["chips"]["accuracy"].isel(time=-1, temperature=-1)
    assert stored.values.tolist() == direct["accuracy"].values.tolist()
    assert results["chips"].attrs["spec_hash"] == study.spec_hash
    assert results["chips"]["wafer"].values.tolist() == [0, 0, 0, 1, 1]


def test_no_pickle_in_the_store(study, tmp_path) -> None:
    folder = tmp_path / "out"

    def look(task, *_):
        with np.load(folder / "parts" / f"{task.name}.npz", allow_pickle=False) as arrays:
            assert all(arrays[name].dtype != object for name in arrays)

    rel.run_study(study, folder, progress=look)
    text = json.loads((folder / "study.json").read_text())
    assert text["spec_hash"] == study.spec_hash
