"""Logs: appended by many, rotated under the writer, read from the end."""

import os
from pathlib import Path

from smartstore_operator.embedded.logfiles import open_log, rotate, tail


def test_writer_goes_on_after_rotation(tmp_path: Path) -> None:
    path = tmp_path / "kafka.log"
    descriptor = open_log(path)
    os.write(descriptor, b"old\n" * 10)
    rotate(path, limit=20)
    os.write(descriptor, b"new\n")
    os.close(descriptor)
    assert path.read_text() == "new\n"
    assert (tmp_path / "kafka.log.1").read_text() == "old\n" * 10


def test_rotation_keeps_two_old_files(tmp_path: Path) -> None:
    path = tmp_path / "kafka.log"
    for generation in ("a", "b", "c", "d"):
        path.write_text(generation * 10)
        rotate(path, limit=5)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["kafka.log", "kafka.log.1", "kafka.log.2"]
    assert (tmp_path / "kafka.log.1").read_text() == "d" * 10
    assert (tmp_path / "kafka.log.2").read_text() == "c" * 10


def test_small_log_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "kafka.log"
    path.write_text("x")
    rotate(path)
    rotate(tmp_path / "missing.log")
    assert [entry.name for entry in tmp_path.iterdir()] == ["kafka.log"]


def test_tail_of_a_long_log(tmp_path: Path) -> None:
    path = tmp_path / "kafka.log"
    path.write_text("".join(f"line {number:06}\n" for number in range(50_000)))
    assert tail(path, 3) == ["line 049997", "line 049998", "line 049999"]
    assert len(tail(path, 20_000)) == 20_000


def test_tail_from_a_position_shows_one_start_only(tmp_path: Path) -> None:
    path = tmp_path / "kafka.log"
    path.write_text("first start\n")
    begin = path.stat().st_size
    with path.open("a") as log:
        log.write("second start\nno disk\n")
    assert tail(path, 10, begin) == ["second start", "no disk"]
    assert tail(path, 10, begin + 10_000)[0] == "first start"  # rotated since: from its beginning
    assert tail(tmp_path / "missing.log", 10) == []
