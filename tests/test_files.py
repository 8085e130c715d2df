"""Files are whole or not there, whoever else writes at the same time."""

import os
import threading

import pytest

from reliability.files import replace_bytes, replace_text


def test_writers_at_the_same_time_leave_a_whole_file(tmp_path) -> None:
    path, torn = tmp_path / "a.txt", []
    texts = [str(k) * 200_000 for k in range(4)]
    replace_text(path, texts[0])
    threads = [threading.Thread(target=lambda t=t: [replace_text(path, t) for _ in range(8)])
               for t in texts]  # fmt: skip
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if path.read_text() not in texts:
            torn.append(1)
    assert not torn
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


def test_links_are_replaced_and_not_followed(tmp_path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("x")
    (tmp_path / "report.html").symlink_to(victim)
    (tmp_path / ".report.html").symlink_to(victim)  # the temporary name it once had
    replace_text(tmp_path / "report.html", "new")
    assert victim.read_text() == "x"
    assert not (tmp_path / "report.html").is_symlink()
    assert (tmp_path / "report.html").read_text() == "new"


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch) -> None:
    path = tmp_path / "a.txt"
    replace_text(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_bytes(path, b"new")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


def test_permissions_are_those_of_any_new_file(tmp_path) -> None:
    replace_text(tmp_path / "a.txt", "x")
    (tmp_path / "b.txt").write_text("x")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "b.txt").stat().st_mode
