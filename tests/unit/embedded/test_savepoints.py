"""Savepoints of a data directory: asked for, listed, begun from."""

import json
from pathlib import Path

import pytest

from smartstore_operator.embedded import savepoints
from smartstore_operator.embedded.datadir import DataDir
from smartstore_operator.embedded.savepoints import HOT_FACT, Savepoint


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    directory = DataDir(tmp_path / "data")
    directory.create("small")
    return directory


def answer(wanted: Savepoint, *applications: str) -> None:
    """What hot applications do."""
    wanted.directory.mkdir(exist_ok=True)
    for name in applications:
        summary = {"shards": len(wanted.applications), "stores": 2, "last_tick": "2026-01-01T09:00:00Z"}
        (wanted.directory / f"{name}.json").write_text(json.dumps(summary))


def test_a_savepoint_is_complete_when_every_shard_has_answered(data: DataDir) -> None:
    data.note(HOT_FACT, {"shards": 2, "savepoint": None})
    wanted = savepoints.request(data)
    assert (data.savepoints / "request").read_text() == wanted.name == "0001"
    assert wanted.missing == ["hot-0", "hot-1"]
    answer(wanted, "hot-1")
    assert wanted.missing == ["hot-0"]
    (wanted.directory / "hot-0.error").write_text("no space")
    assert wanted.errors == {"hot-0": "no space"}
    answer(wanted, "hot-0")
    assert wanted.is_complete
    savepoints.withdraw(data)
    assert not (data.savepoints / "request").exists()
    assert savepoints.find_all(data) == [wanted]
    assert savepoints.request(data).name == "0002"


def test_restoring_drops_the_checkpoints_and_frees_the_number_of_shards(data: DataDir) -> None:
    data.note(HOT_FACT, {"shards": 1, "savepoint": None})
    wanted = savepoints.request(data)
    answer(wanted, "hot")
    for name in ("hot", "hot-0", "kafka"):
        (data.state(name) / "checkpoint").mkdir(parents=True)
    savepoints.restore(data, wanted)
    assert data.fact(HOT_FACT) == {"shards": None, "savepoint": "0001"}
    assert sorted(path.name for path in data.savepoints.parent.iterdir()) == ["kafka", "savepoints"]
    assert savepoints.find_all(data) == [wanted]
