"""The data directory: whose it is, who runs in it, what is kept."""

import os
import stat
from pathlib import Path

import pytest

from smartstore_operator.embedded.datadir import DataDir, read_json
from smartstore_operator.embedded.errors import PreflightError
from smartstore_operator.render.component import Component


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    made = DataDir(tmp_path / "replay")
    made.create("replay")
    return made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_create_is_idempotent_and_keeps_facts(data: DataDir) -> None:
    assert data.remember("cluster_id", lambda: "first") == "first"
    data.create("replay")
    assert data.remember("cluster_id", lambda: "second") == "first"
    assert data.is_ours


def test_directory_of_another_smartstore_is_refused(data: DataDir) -> None:
    with pytest.raises(PreflightError, match="belongs to the SmartStore 'replay', not to 'other'"):
        data.create("other")


def test_directory_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(PreflightError, match="holds something else"):
        DataDir(tmp_path).create("replay")
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_directory_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PreflightError, match=r"cannot be written, not a directory .*--data-dir") as error:
        DataDir(tmp_path / "file" / "data").create("replay")
    assert "\n" not in str(error.value)


def test_secrets_are_made_once_and_readable_by_the_owner_only(data: DataDir) -> None:
    first = data.secret("redis-password")
    assert first == data.secret("redis-password") != data.secret("postgres-password")
    assert len(first) == 32
    assert first.isalnum()
    assert mode(data.root / "secrets.json") == 0o600


def test_files_are_written_anew_and_secret_ones_closed(data: DataDir) -> None:
    old = Component(name="gone", argv=("x",), files={"a": "1"})
    new = Component(
        name="server",
        argv=("x",),
        files={"sub/plain.conf": "open"},
        secret_files={"password": "closed"},
        state_dir=str(data.state("server")),
    )
    data.write_files([old])
    data.write_files([new])
    assert not data.config("gone").exists()
    assert (data.config("server") / "sub/plain.conf").read_text() == "open"
    assert mode(data.config("server") / "password") == 0o600
    assert mode(data.state("server")) == 0o700


def test_second_holder_of_the_lock_is_told_the_first_ones_pid(data: DataDir) -> None:
    second = DataDir(data.root)
    with (
        data.locked(),
        pytest.raises(PreflightError, match=rf"pid {os.getpid()}.*smartstore down"),
        second.locked(),
    ):
        pass
    with second.locked():
        pass


def test_damaged_json_counts_as_absent(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    assert read_json(tmp_path / "x.json") == {}
    assert read_json(tmp_path / "missing.json") == {}
