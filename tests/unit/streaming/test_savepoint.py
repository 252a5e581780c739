"""Savepoints as files, which shard takes what out of them, and where reading begins."""

from pathlib import Path

import pytest
from msgspec import structs

from smartstore.contracts.applications import hot_applications, is_hot
from smartstore.contracts.wire import from_epoch_ms, partition_of
from smartstore.domain.engine import StoreState
from smartstore.domain.state_codec import decode_state, encode_state, taken_ms_of
from smartstore.process.env import Environment
from smartstore.streaming import savepoint
from smartstore.streaming.checkpoint import last_batch, positions_after
from smartstore.streaming.origin import NoBeginning, Origin, demand_kept
from smartstore.streaming.savepoint import SavepointError, Summary
from smartstore.streaming.savepoint_requests import REQUEST, Requests
from smartstore.streaming.shard import Shard, shard_of

pytestmark = pytest.mark.unit

STORES = tuple(f"s{number:04d}" for number in range(1, 201))


def part(application: str, shards: int, positions: savepoint.Positions, stores: int = 0) -> Summary:
    return Summary(
        application=application,
        shards=shards,
        stores=stores,
        first_tick=from_epoch_ms(0),
        last_tick=from_epoch_ms(0),
        positions=positions,
    )


def in_two_shards(directory: Path) -> dict[str, bytes]:
    """A savepoint of all stores, made by two applications on four partitions; what each store's state is."""
    states = {store: encode_state(StoreState(taken_ms=number)) for number, store in enumerate(STORES)}
    for number in range(2):
        shard = Shard(number, 2, 4)
        own = [(store, state) for store, state in states.items() if shard.has(store)]
        positions = {"shelf_events": {p: 100 + p for p in shard.own_partitions}}
        savepoint.write(directory, part(shard.application, 2, positions, len(own)), own)
    return states


@pytest.mark.parametrize("shards", [1, 2, 4])
def test_any_number_of_shards_takes_over_all_stores_once(tmp_path: Path, shards: int) -> None:
    states = in_two_shards(tmp_path / "one")
    taken: dict[str, bytes] = {}
    positions: dict[int, int] = {}
    for number in range(shards):
        origin = Origin(tmp_path / f"origin-{number}")
        assert (origin.states(), origin.positions(), origin.is_savepoint) == ({}, {}, False)
        origin.adopt(tmp_path / "one", Shard(number, shards, 4))
        assert not taken.keys() & origin.states().keys()
        taken |= origin.states()
        positions |= origin.positions()["shelf_events"]
    assert taken == states
    assert positions == {partition: 100 + partition for partition in range(4)}
    assert taken_ms_of(taken[STORES[7]]) == decode_state(taken[STORES[7]]).taken_ms == 7


def test_shards_share_the_stores_by_partition() -> None:
    shards = [Shard(number, 3, 12) for number in range(3)]
    for store in STORES:
        (owner,) = (shard for shard in shards if shard.has(store))
        assert partition_of(store, 12) in owner.own_partitions
        assert owner.number == partition_of(store, 3)
    assert {shard.application for shard in shards} == {"hot-0", "hot-1", "hot-2"}


def test_names_of_applications() -> None:
    assert hot_applications(1) == ("hot",)
    assert all(is_hot(name) for name in (*hot_applications(1), *hot_applications(12)))
    assert not is_hot("lake")
    assert not is_hot("hotel")


@pytest.mark.parametrize(("number", "shards"), [("2", "2"), ("0", "3"), ("-1", "2")])
def test_a_shard_that_cannot_be(number: str, shards: str) -> None:
    variables = {
        "SMARTSTORE_KAFKA_PARTITIONS": "4",
        "SMARTSTORE_HOT_SHARD": number,
        "SMARTSTORE_HOT_SHARDS": shards,
    }
    with pytest.raises(SystemExit, match="4 partitions are divided evenly"):
        shard_of(Environment(variables=variables))
    del variables["SMARTSTORE_HOT_SHARD"], variables["SMARTSTORE_HOT_SHARDS"]
    assert shard_of(Environment(variables=variables)) == Shard(0, 1, 4)


def test_a_savepoint_must_be_there_and_complete(tmp_path: Path) -> None:
    origin, shard = Origin(tmp_path / "origin"), Shard(0, 1, 4)
    with pytest.raises(SavepointError, match="there is no savepoint in"):
        origin.adopt(tmp_path / "none", shard)
    savepoint.write(tmp_path / "half", part("hot-0", 2, {}), [])
    with pytest.raises(SavepointError, match="not complete: hot-1 is missing"):
        origin.adopt(tmp_path / "half", shard)
    savepoint.write(tmp_path / "later", structs.replace(part("hot", 1, {}), format=2), [])
    with pytest.raises(SavepointError, match="has format 2; this release reads 1"):
        origin.adopt(tmp_path / "later", shard)
    assert not origin.is_savepoint


def test_reading_begins_only_where_kafka_still_has_everything() -> None:
    demand_kept({}, {"wh_events": {0: 0, 1: 0}})
    demand_kept({"wh_events": {0: 7}}, {"wh_events": {0: 7}})
    with pytest.raises(
        NoBeginning, match=r"there is no checkpoint.*offset 0 of wh_events, partition 1.*from 5 on"
    ):
        demand_kept({}, {"wh_events": {0: 0, 1: 5}})
    with pytest.raises(
        NoBeginning, match=r"the savepoint reads on at offset 7.*from 8 on.*savepoint restore"
    ):
        demand_kept({"wh_events": {0: 7}}, {"wh_events": {0: 8}})


def test_requests_are_answered_once(tmp_path: Path) -> None:
    requests = Requests(str(tmp_path), "hot-1")
    assert requests.wanted() is None
    (tmp_path / REQUEST).write_text("0001")
    assert requests.wanted() == tmp_path / "0001"
    savepoint.write(tmp_path / "0001", part("hot-0", 2, {}), [])
    assert requests.wanted() == tmp_path / "0001"
    savepoint.write(tmp_path / "0001", part("hot-1", 2, {}), [])
    assert requests.wanted() is None
    (tmp_path / REQUEST).write_text("0002")
    requests.refuse(tmp_path / "0002", "no space")
    assert requests.wanted() is None
    assert Requests("", "hot").wanted() is None


def test_positions_of_a_checkpoint(tmp_path: Path) -> None:
    """As Spark writes them: a line for the version, one about the batch, one for each source."""
    for directory in ("offsets", "commits"):
        (tmp_path / directory).mkdir()
    assert last_batch(tmp_path) is None
    (tmp_path / "offsets" / "10").write_text(
        'v1\n{"batchWatermarkMs":0}\n{"p_shelf_events":{"1":7,"0":5}}\n{"p_commands":{"0":1,"1":2}}'
    )
    for batch in (9, 10):
        (tmp_path / "commits" / str(batch)).write_text("v1\n{}")
    assert last_batch(tmp_path) == 10
    assert positions_after(tmp_path, 10, "p_") == {"shelf_events": {0: 5, 1: 7}, "commands": {0: 1, 1: 2}}
