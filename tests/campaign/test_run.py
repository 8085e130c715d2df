"""Runs: the same bits whatever the workers, chunks and interruptions; folders are safe."""

import contextlib
import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

import reliability as rel
from reliability.campaign import execute, store
from reliability.campaign.estimate import plan_study
from reliability.campaign.load import load_study
from reliability.campaign.outputs.accuracy import combinations
from reliability.campaign.plan import make_plan
from reliability.cli import main
from reliability.statistics.means import mean_interval
from tests.campaign.dying import die_or_double, modules_imported, run_and_tell
from tests.conftest import SMALL_STUDY


def tree_hash(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return digest.hexdigest()


@pytest.fixture
def study(small):
    return load_study(small)


@pytest.fixture(scope="module")
def in_twos(tmp_path_factory) -> Path:
    """Folder of the small study, run with two chips in a task; tests only read it or copy it."""
    folder = tmp_path_factory.mktemp("in_twos")
    (folder / "small.toml").write_text(SMALL_STUDY)
    return rel.run_study(load_study(folder / "small.toml"), folder / "out", chunk=2)


@pytest.fixture
def copy(tmp_path):
    """Copy a folder that is done, to damage it or to go on in it."""
    return lambda folder: Path(shutil.copytree(folder, tmp_path / "copy"))


def chunk_of(folder: Path, group: str, number: int) -> Path:
    """File of the accuracies that task ``number`` of a group has written."""
    places = {"chips": ("0", "0", str(number)), "draws": (str(number), "0", "0", "0")}
    return folder.joinpath("results.zarr", group, "accuracy", "c", *places[group])


def undo(folder: Path, group: str, number: int) -> None:
    """Take a task back, as if it had not run."""
    chunk_of(folder, group, number).unlink()
    folder.joinpath("results.zarr", group, store.CHECKSUM, "c", str(number)).unlink()


@pytest.fixture
def swept(tmp_path: Path) -> Path:
    """A study over two axes, small enough for a second."""
    path = tmp_path / "swept.toml"
    path.write_text(SWEPT)
    return path


SWEPT = """
title = "swept"
technology = "oxram-130nm"
seed = 5

[network]
images = 40

[population]
chips = 3

[stress]
times = ["0 s", "10 years"]

[[sweep]]
name = "network.delta_s"
values = [5, 10]

[[sweep]]
name = "technology.relaxation.model"
values = ["saturating", "log_time"]
"""


def values_of(folder: Path) -> dict[str, xr.Dataset]:
    return {name: group.load() for name, group in store.read_results(folder).items()}


def test_results_do_not_depend_on_workers_or_chunks(study, tmp_path, finished, in_twos) -> None:
    """The same files with 1 and 2 processes; the same numbers with other chunks."""
    folder = rel.run_study(study, tmp_path / "processes", workers=2, chunk=1)
    assert tree_hash(folder / "results.zarr") == tree_hash(finished / "results.zarr")
    whole = values_of(finished)
    for name, group in values_of(in_twos).items():
        assert group.identical(whole[name])


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_files(study, tmp_path, finished) -> None:
    pytest.importorskip("distributed")
    with execute.local_cluster(2) as address:
        folder = rel.run_study(study, tmp_path / "dask", scheduler=address, chunk=1)
    assert tree_hash(folder / "results.zarr") == tree_hash(finished / "results.zarr")


def test_a_missing_scheduler_is_one_line(study, tmp_path, monkeypatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(execute, "_TIMEOUT", "1 s")
    with pytest.raises(rel.InputError, match=r"no answer from 'tcp://127.0.0.1:9'"):
        rel.run_study(study, tmp_path / "none", scheduler="tcp://127.0.0.1:9")


class Stop(Exception):
    pass


def interrupted(study, folder: Path, share: float, **how) -> list[str]:
    """Run until a share of the work is done; return the names of the tasks that are."""
    names: list[str] = []

    def stop(task, done, total):
        names.append(task.name)
        if done > total * share:
            raise Stop

    with pytest.raises(Stop):
        rel.run_study(study, folder, progress=stop, **how)
    return names


def test_an_interrupted_run_goes_on_to_the_same_bits(study, tmp_path, finished) -> None:
    broken = tmp_path / "broken"
    kept = interrupted(study, broken, 0.4, chunk=1)
    assert rel.study_status(broken)["tasks_done"] == len(kept)
    again: list[str] = []
    rel.run_study(study, broken, progress=lambda task, *_: again.append(task.name))
    assert again
    assert not set(again) & set(kept)  # nothing is computed twice
    assert tree_hash(broken / "results.zarr") == tree_hash(finished / "results.zarr")
    status = rel.study_status(broken)
    assert status["tasks_done"] == status["tasks"]
    assert status["running"] is None


@pytest.mark.slow
def test_killed_three_times(study, tmp_path, finished) -> None:
    """SIGKILL while it runs, and the same again: the bits of an undisturbed run."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["reliability.campaign.runner"])
    out = tmp_path / "killed"
    for k in range(1, 4):  # each kill after one more task
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=run_and_tell, args=(study, out, there))
        process.start()
        there.close()
        here.recv()  # a task is done
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert k <= rel.study_status(out)["tasks_done"] < rel.study_status(out)["tasks"]
    rel.run_study(study, out)
    assert tree_hash(out / "results.zarr") == tree_hash(finished / "results.zarr")


@pytest.mark.slow
def test_killed_twenty_times_at_random(small, tmp_path, repository) -> None:
    """The driver, with its workers or without, at any moment; then the bits are the same."""
    command = [sys.executable, "-m", "reliability.cli", "run", str(small), "--workers", "2"]
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    moments = np.random.default_rng(3).uniform(0.5, 12.0, 20)
    for k, moment in enumerate(moments):
        out = tmp_path / f"killed{k % 4}"  # five kills in the same folder
        process = subprocess.Popen(
            [*command, "--out", str(out)], stderr=subprocess.DEVNULL, env=environment,
            start_new_session=True,
        )  # fmt: skip
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=moment)
        with contextlib.suppress(ProcessLookupError):
            if k % 2:
                os.kill(process.pid, signal.SIGKILL)
            else:
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    whole = rel.run_study(load_study(small), tmp_path / "whole")
    for k in range(4):
        out = tmp_path / f"killed{k}"
        subprocess.run(
            [*command, "--out", str(out)], check=True, env=environment, capture_output=True
        )
        assert tree_hash(out / "results.zarr") == tree_hash(whole / "results.zarr")


def test_ctrl_c_finishes_what_runs_and_says_how_to_go_on(small, tmp_path, monkeypatch) -> None:
    """The signal comes when the first task is kept and those of the other groups are running."""
    out = tmp_path / "stopped"
    real, kept = store.write_part, []

    def keep_and_interrupt(*part) -> None:
        real(*part)
        kept.append(part)
        if len(kept) == 1:
            os.kill(os.getpid(), signal.SIGINT)

    command = ["run", str(small), "--out", str(out), "--workers"]
    monkeypatch.setattr(store, "write_part", keep_and_interrupt)  # of this process, not of workers
    stopped = CliRunner().invoke(main, [*command, "2"])
    monkeypatch.undo()
    assert stopped.exit_code == 130, stopped.output
    assert "stopping when the running tasks are done" in stopped.stderr
    assert "the same command goes on" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    status = rel.study_status(out)
    assert 1 < status["tasks_done"] == len(kept) < status["tasks"]
    assert not (out / "lock.json").exists()
    assert not (out / "report.html").exists()
    again = CliRunner().invoke(main, [*command, "1"])
    assert again.exit_code == 0, again.output
    assert (out / "report.html").is_file()


def test_more_chips_and_draws_compute_only_what_is_missing(small, tmp_path, in_twos, copy) -> None:
    more = {"population.chips": 9, "uncertainty.draws": 9}
    fresh = values_of(rel.run_study(load_study(small, more), tmp_path / "fresh", chunk=2))
    folder = copy(in_twos)
    again: list[str] = []
    grown = load_study(small, more)
    rel.run_study(grown, folder, progress=lambda task, *_: again.append(task.name))
    # chip 4 and draw 4 were alone in their tasks, which now are whole
    assert sorted(again) == ["chips 4 to 5", "chips 6 to 7", "chips 8 to 8", "draws 4 to 7",
                             "draws 8 to 8"]  # fmt: skip
    for name, group in values_of(folder).items():
        assert group.identical(fresh[name])
    with pytest.raises(rel.InputError, match=r"population.chips: 9 there, 5 here"):
        rel.run_study(load_study(small), folder)


@pytest.mark.slow
def test_more_points_compute_only_what_is_missing(swept, tmp_path) -> None:
    folder = rel.run_study(load_study(swept), tmp_path / "out")
    before = values_of(folder)["chips"]["accuracy"]
    text = swept.read_text().replace("values = [5, 10]", "values = [2, 5, 10]")
    swept.write_text(text)
    again: list[int] = []
    rel.run_study(load_study(swept), folder, progress=lambda task, *_: again.append(task.point))
    assert set(again) == {4, 5}
    after = values_of(folder)["chips"]["accuracy"]
    assert after.isel(point=slice(4)).identical(before)
    assert sorted(after["network.delta_s"].values) == [2, 2, 5, 5, 10, 10]
    rel.write_report(load_study(swept), folder)


def damage(chunk: Path) -> None:
    raw = bytearray(chunk.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    chunk.write_bytes(bytes(raw))


@pytest.mark.parametrize("how", ["flipped", "truncated", "removed", "other numbers"])
def test_a_damaged_chunk_is_found_and_computed_again(study, in_twos, copy, how) -> None:
    folder = copy(in_twos)
    chunk = chunk_of(folder, "chips", 1)
    if how == "flipped":
        damage(chunk)
    elif how == "truncated":
        chunk.write_bytes(chunk.read_bytes()[:-3])
    elif how == "removed":
        chunk.unlink()
    else:  # a whole chunk with a valid checksum of its own, but not what the task wrote
        chunk.write_bytes(chunk.with_name("0").read_bytes())
    again: list[str] = []
    rel.run_study(study, folder, progress=lambda task, *_: again.append(task.name))
    assert again == ["chips 2 to 3"]
    assert tree_hash(folder / "results.zarr") == tree_hash(in_twos / "results.zarr")


def test_a_group_that_was_killed_while_it_was_made_is_made_again(study, finished, copy) -> None:
    """The checksums are made last: without them a group is none."""
    folder = copy(finished)
    shutil.rmtree(folder / "results.zarr" / "chips" / store.CHECKSUM)
    assert rel.study_status(folder)["chips_done"] == 0
    rel.run_study(study, folder)
    assert tree_hash(folder / "results.zarr") == tree_hash(finished / "results.zarr")


def test_two_runs_at_once_and_a_dead_owner(study, finished, copy) -> None:
    folder = copy(finished)
    undo(folder, "chips", 4)
    refused = []

    def second(task, done, total):
        if not refused:
            with pytest.raises(rel.InputError, match=rf"run by process {os.getpid()} on .*since"):
                rel.run_study(study, folder)
            refused.append(rel.study_status(folder)["running"])

    rel.run_study(study, folder, progress=second)
    assert f"process {os.getpid()}" in refused[0]
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    owner = {"host": socket.gethostname(), "pid": int(dead.stdout), "since": time.time()}
    (folder / "lock.json").write_text(json.dumps(owner))
    rel.run_study(study, folder)
    assert not (folder / "lock.json").exists()


def test_a_study_stops_when_it_is_sure_enough(plain, tmp_path) -> None:
    def run(until: float, name: str) -> xr.Dataset:
        settings = {"population.chips": 40, "population.until": until, "network.images": 20}
        study = load_study(plain, settings)
        folder = rel.run_study(study, tmp_path / name, chunk=1)
        rel.run_study(study, folder)  # the same command again changes nothing
        return values_of(folder)["chips"]

    few, many = run(0.15, "few"), run(0.05, "many")
    assert few.sizes["chip"] % 4 == 0
    assert few.sizes["chip"] < many.sizes["chip"]
    assert many.isel(chip=slice(few.sizes["chip"]))["accuracy"].equals(few["accuracy"])
    last = few["accuracy"].isel(time=-1, temperature=0).values
    mean, low, high = mean_interval(last, 0.95)
    assert max(high - mean, mean - low) <= 0.15


def test_workers_start_with_what_tasks_import(study) -> None:
    # a worker that imports at its first task keeps its user waiting for seconds
    tasks = list(make_plan(study, chunk=2))[:2]
    with execute.in_processes(2) as run:
        counts = dict(run(partial(modules_imported, study), tasks))
    assert max(counts.values()) < 40, counts


def test_a_task_that_kills_its_worker_is_named_and_the_rest_completes() -> None:
    with execute.in_processes(1) as run:  # two tasks are out at a time
        done = dict(run(die_or_double, range(7)))
    assert {k: v for k, v in done.items() if k not in (3, 4)} == {k: 2 * k for k in (0, 1, 2, 5, 6)}
    assert "worker died" in str(done[3])
    assert isinstance(done[4], ValueError)


def test_failed_tasks_are_named_and_end_with_code_1(small, finished, copy, monkeypatch) -> None:
    from reliability.campaign import runner as running

    real = running.compute

    def fails(study, point, task):
        if task.group == "draws" and task.first == 4:
            raise MemoryError("no room")
        return real(study, point, task)

    monkeypatch.setattr(running, "compute", fails)
    out = copy(finished)
    undo(out, "draws", 1)  # its task fails
    undo(out, "chips", 4)  # comes later and completes
    assert rel.study_status(out)["tasks_done"] == rel.study_status(out)["tasks"] - 2
    command = ["run", str(small), "--out", str(out), "--workers", "1"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1
    assert "1 tasks failed: draws 4 to 4 (MemoryError: no room)" in result.stderr
    status = rel.study_status(out)
    assert status["tasks_done"] == status["tasks"] - 1
    monkeypatch.setattr(running, "compute", real)
    rel.run_study(load_study(small), out)
    assert tree_hash(out / "results.zarr") == tree_hash(finished / "results.zarr")


def test_results_go_to_any_url_that_fsspec_knows(study, tmp_path, finished) -> None:
    pytest.importorskip("fsspec")
    folder = rel.run_study(study, tmp_path / "out", store_url="memory://results")
    assert not (folder / "results.zarr").exists()
    whole = values_of(finished)
    for name, group in values_of(folder).items():
        assert group.identical(whole[name])
    again: list[str] = []
    rel.run_study(study, folder, progress=lambda task, *_: again.append(task.name))
    assert not again
    assert rel.write_report(study, folder).is_file()
    status = rel.study_status(folder)
    assert status["tasks_done"] == status["tasks"]


def test_a_full_disk_stops_the_run_and_keeps_what_is_done(study, tmp_path, monkeypatch) -> None:
    real = store.write_part

    def full(layout, task, part):
        if task.group == "chips" and task.first == 2:
            raise OSError(28, "No space left on device")
        real(layout, task, part)

    monkeypatch.setattr(store, "write_part", full)
    with pytest.raises(rel.RunError, match=r"chips 2 to 3: OSError.*No space left.*is kept"):
        rel.run_study(study, tmp_path / "out", chunk=2)
    assert rel.study_status(tmp_path / "out")["tasks_done"] >= 3


def test_a_store_opens_directly_with_units_and_provenance(finished, study) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chips = xr.open_zarr(finished / "results.zarr", group="chips", chunks=None)
    assert chips["time"].attrs["units"] == "s"
    assert chips["energy"].attrs["units"] == "J"
    assert {"wafer", "die", "x", "radius"} <= set(chips.coords)
    assert chips.attrs["seed"] == 5
    assert chips.attrs["spec_hash"] == study.spec_hash
    metadata = json.loads((finished / "results.zarr" / "zarr.json").read_text())
    assert metadata["zarr_format"] == 3
    assert "chips/accuracy" in metadata["consolidated_metadata"]["metadata"]


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
    with pytest.raises(rel.InputError, match=r"another study \(seed: 5 there, 6 here"):
        rel.run_study(load_study(small, {"seed": 6}), finished)
    assert tree_hash(finished) == before


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
    assert combinations(study)[1] == {"spread": 0.5, "stuck": 0.01}


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


def test_a_study_in_time_coding_on_spoken_vowels(tmp_path) -> None:
    settings = {
        "network.name": "vowels",
        "network.coding": "first_spike",
        "network.first_spike": 24,
    }
    file = tmp_path / "vowels.toml"
    file.write_text(SWEPT.partition("[[sweep]]")[0])
    spoken = rel.load_study(file, settings)
    found = values_of(rel.run_study(spoken, tmp_path / "out"))["chips"].isel(temperature=0, time=0)
    direct = rel.evaluate(
        spoken.load_network(), spoken.load_technology(), coding=rel.FirstSpike(24),
        chips=3, images=40, seed=5, neuron=rel.Neuron.from_technology(spoken.load_technology()),
    )  # fmt: skip
    for name in ("accuracy", "spikes", "decision_time"):
        assert found[name].values.tolist() == direct[name].values.tolist()
    with pytest.raises(rel.InputError, match=r"network.images: got 371, allowed 1 to 370 test"):
        rel.load_study(file, settings | {"network.images": 371})
