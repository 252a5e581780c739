"""The world process against the real Valkey and Kafka: the same run, whatever is killed in between."""

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from ingest_lab import HasDataDir, Process, server_pid  # type: ignore[import-not-found]

from smartstore.contracts.settings import FaultSettings, RunSettings, SimulationSettings, SourceSettings
from smartstore.contracts.topics import CONFIG_TOPICS, JOB_STATUS
from smartstore.contracts.wire import encode
from smartstore.ingest.streams import BRIDGED
from smartstore.ingest.topics import ensure_topics

pytestmark = pytest.mark.integration

FAULTS = FaultSettings(malformed_pct=1, duplicate_pct=2, late_pct=5, late_max_minutes=15)


def settings(**source: Any) -> RunSettings:
    """Two small simulated stores, one day, as fast as they can."""
    values: dict[str, Any] = {
        "type": "Simulation",
        "speed": 0.0,
        "max_lead": 100_000,
        "days": 1,
        "start_hour": 9,
        "faults": FAULTS,
    }
    simulation = SimulationSettings(range_scale=0.05, daily_customers=150)
    return RunSettings(name="t", stores=2, source=SourceSettings(simulation=simulation, **(values | source)))


class Worlds:
    """Starts world processes, each run with streams and a directory of its own."""

    def __init__(self, environment: dict[str, str], directory: Path, client: redis.Redis) -> None:
        self._environment = environment
        self._directory = directory
        self.client: Any = client
        self.started: list[Process] = []

    def start(self, run: str, wanted: RunSettings) -> Process:
        """Start, or start again, the source of a run."""
        directory = self.data_dir(run)
        directory.mkdir(exist_ok=True)
        (directory / "run.json").write_bytes(encode(wanted))
        environment = self._environment | {
            "SMARTSTORE_TOPIC_PREFIX": self.prefix(run),
            "SMARTSTORE_DATA_DIR": str(directory),
            "SMARTSTORE_RUN_FILE": str(directory / "run.json"),
        }
        process = Process("smartstore.world", environment, directory / "world.log")
        self.started.append(process)
        return process

    def prefix(self, run: str) -> str:
        """Prefix of a run's streams."""
        return f"{self._environment['SMARTSTORE_TOPIC_PREFIX']}{run}_"

    def data_dir(self, run: str) -> Path:
        """The source's own directory."""
        return self._directory / run

    def position(self, run: str) -> int:
        """The last sequence number in Redis; -1 before the first."""
        value = self.client.get(f"{self.prefix(run)}source:t:position")
        return -1 if value is None else int(value)

    def await_end(self, run: str, seconds: float = 120) -> None:
        """Wait until all data have been emitted."""
        process = self.started[-1]
        give_up = time.monotonic() + seconds
        while "all data have been emitted" not in process.log.read_text():
            assert process.process.poll() is None, process.log.read_text()
            assert time.monotonic() < give_up, process.log.read_text()
            time.sleep(0.1)

    def streams(self, run: str) -> dict[str, list[tuple[bytes, bytes]]]:
        """Field and value of all entries, by topic."""
        return {
            topic.name: [next(iter(f.items())) for _, f in self.client.xrange(self.prefix(run) + topic.name)]
            for topic in BRIDGED
        }

    def ledger(self, run: str) -> dict[str, bytes]:
        """The ledger's files."""
        return {
            path.name: path.read_bytes() for path in sorted((self.data_dir(run) / "ledger").glob("*.jsonl"))
        }


@pytest.fixture
def worlds(
    bootstrap: str, redis_url: str, redis_client: redis.Redis, topic_prefix: str, tmp_path: Path
) -> Iterator[Worlds]:
    """World processes; killed and their streams removed at the end."""
    environment = {
        "SMARTSTORE_KAFKA_BOOTSTRAP": bootstrap,
        "SMARTSTORE_KAFKA_PARTITIONS": "4",
        "SMARTSTORE_TOPIC_PREFIX": topic_prefix,
        "SMARTSTORE_REDIS_URL": redis_url,
    }
    running = Worlds(environment, tmp_path, redis_client)
    yield running
    for process in running.started:
        if process.process.poll() is None:
            process.kill()
    for key in redis_client.scan_iter(f"{topic_prefix}*"):
        redis_client.delete(key)


def lines_of(ledger: dict[str, bytes]) -> list[dict[str, object]]:
    """All lines of a ledger."""
    return [json.loads(line) for content in ledger.values() for line in content.splitlines()]


def test_streams_hold_the_ledger(worlds: Worlds) -> None:
    """Every line of the ledger is in its stream, in order, and nothing else; sequence numbers have no gaps."""
    worlds.start("a", settings())
    worlds.await_end("a")
    assert worlds.started[-1].stop() == 0
    lines = lines_of(worlds.ledger("a"))
    assert [line["seq"] for line in lines] == list(range(len(lines)))
    assert lines[0]["kind"] == "run"
    assert msgspec.convert(lines[0]["settings"], RunSettings) == settings()
    streams = worlds.streams("a")
    for line, entries in streams.items():
        of_line = [
            x for x in lines if x.get("line") == line or (x["kind"] == "tick" and line not in _UNTICKED)
        ]
        if line == "ledger":
            of_line = [x for x in lines if x["kind"] == "note"]
        assert len(of_line) == len(entries), line
        for written, (field, value) in zip(of_line, entries, strict=True):
            assert field == (b"tick" if written["kind"] == "tick" else b"data")
            if written["kind"] == "broken":
                assert value.decode() == written["raw"]
            elif written["kind"] != "tick":
                assert json.loads(value) == written["data"]
    faults = {str(x.get("fault") or x["kind"]) for x in lines}
    assert {"late", "duplicate", "broken"} <= faults
    assert int(worlds.client.get(f"{worlds.prefix('a')}source:t:position") or 0) == lines[-1]["seq"]


_UNTICKED = ("stores", "ledger", "dead_letters")


def test_killed_at_random_moments(worlds: Worlds) -> None:
    """kill -9 again and again: ledger and streams are those of an undisturbed run, byte for byte."""
    worlds.start("calm", settings())
    worlds.await_end("calm")
    worlds.started[-1].stop()
    end = worlds.position("calm")
    rng = random.Random(11)
    for kill in range(6):
        process = worlds.start("rough", settings())
        goal = end * (kill + rng.random()) / 7
        while worlds.position("rough") < goal:
            assert process.process.poll() is None, process.log.read_text()
            time.sleep(0.002)
        process.kill()
    worlds.start("rough", settings())
    worlds.await_end("rough")
    assert worlds.started[-1].stop() == 0
    assert worlds.ledger("rough") == worlds.ledger("calm")
    assert worlds.streams("rough") == worlds.streams("calm")


def test_killed_valkey(worlds: Worlds, servers: HasDataDir) -> None:
    """kill -9 of Valkey in the middle: nothing is lost, nothing is there twice."""
    worlds.start("calm", settings())
    worlds.await_end("calm")
    worlds.started[-1].stop()
    end = worlds.position("calm")
    process = worlds.start("rough", settings())
    for kill in range(2):
        while worlds.position("rough") < end * (kill + 1) / 3:
            assert process.process.poll() is None, process.log.read_text()
            time.sleep(0.002)
        os.kill(server_pid(servers, "valkey"), signal.SIGKILL)
        time.sleep(0.5)
    worlds.await_end("rough")
    process.stop()
    assert worlds.ledger("rough") == worlds.ledger("calm")
    assert worlds.streams("rough") == worlds.streams("calm")


def test_stop_and_start_continues(worlds: Worlds) -> None:
    """SIGTERM ends with code 0 and a snapshot; a start with another speed goes on, with another seed it refuses."""
    process = worlds.start("a", settings(speed=7200))
    while worlds.position("a") < 1000:
        time.sleep(0.05)
    assert process.stop() == 0
    assert list((worlds.data_dir("a") / "snapshots").glob("*.snapshot"))
    refused = worlds.start("a", settings(seed=43))
    assert refused.process.wait(60) == 1
    assert (
        refused.log.read_text()
        .splitlines()[-1]
        .startswith("this run was begun with source.seed = 42, not 43")
    )
    worlds.start("a", settings())
    worlds.await_end("a")
    second = worlds.start("a", settings())
    assert second.process.wait(60) == 1
    assert "another world (process id" in second.log.read_text().splitlines()[-1]
    worlds.started[-2].stop()
    worlds.start("b", settings())
    worlds.await_end("b")
    assert worlds.streams("a") == worlds.streams("b")


def test_lock_step(worlds: Worlds, bootstrap: str) -> None:
    """With `max_lead` 0, a tick comes only after all stores have acknowledged the one before."""
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    name = worlds.prefix("a")
    admin = AdminClient({"bootstrap.servers": bootstrap})
    ensure_topics(admin, name, 1, 1, [JOB_STATUS])
    worlds.start("a", settings(max_lead=0, faults=FaultSettings()))

    def ticks() -> list[str]:
        entries = worlds.client.xrange(f"{name}commands")
        return [json.loads(fields[b"tick"])["tick"] for _, fields in entries if b"tick" in fields]

    def acknowledge(tick: str, *stores: str) -> None:
        for store in stores:
            status = {"application": "hot", "job": "j", "store_id": store, "tick": tick, "version": 0}
            producer.produce(
                f"{name}job_status", json.dumps(status).encode(), key=f"{store}/hot/j", partition=0
            )
        producer.flush(10)

    stores: list[str] = []
    for number in range(1, 6):
        give_up = time.monotonic() + 60
        while len(ticks()) < number:
            assert time.monotonic() < give_up, worlds.started[-1].log.read_text()
            time.sleep(0.05)
        stores = json.loads(worlds.client.xrange(f"{name}commands")[0][1][b"tick"])["stores"]
        acknowledge(ticks()[-1], stores[0])
        time.sleep(0.4)
        assert len(ticks()) == number
        acknowledge(ticks()[-1], *stores[1:])


def test_edits_of_configuration_reach_the_stores_at_any_speed(worlds: Worlds, bootstrap: str) -> None:
    """At real time, with ticks of five minutes, an edit arrives within seconds; kills neither lose nor repeat."""
    name = worlds.prefix("a")
    ensure_topics(AdminClient({"bootstrap.servers": bootstrap}), name, 1, 1, CONFIG_TOPICS)
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})

    def edit(row: bytes, topic: str = "shelf_policies") -> None:
        producer.produce(f"{name}{topic}", row, key="k")
        producer.flush(10)

    def configs() -> list[dict[str, Any]]:
        entries = worlds.client.xrange(f"{name}store_config")
        records = [json.loads(fields[b"data"]) for _, fields in entries if b"data" in fields]
        rows = {topic.config for topic in CONFIG_TOPICS}
        return [
            r for r in records if r["kind"] in rows and (r["kind"] != "profile" or r["profile"]["row_key"])
        ]

    def await_configs(number: int) -> None:
        give_up = time.monotonic() + 3
        while len(configs()) < number:
            assert time.monotonic() < give_up, worlds.started[-1].log.read_text()
            time.sleep(0.05)

    process = worlds.start("a", settings(speed=1.0, faults=FaultSettings()))
    while worlds.position("a") < 100:
        time.sleep(0.05)
    edit(
        b'{"policy_id":"p1","store_id":null,"threshold_pct":"55.00","min_qty":"4","active":true,"__deleted":"false"}'
    )
    await_configs(2)
    edit(b'{"policy_id":"p2","threshold_pct":"many"}')
    store = configs()[0]["store_id"].encode()
    edit(b'{"policy_id":"p1","store_id":"%b","threshold_pct":"60.00","active":true}' % store)
    await_configs(4)
    shelf = b'"shelf_id":"f1","sku":"k","item_category":"c","item_subcategory":"s"'
    sizes = b'"capacity":9,"item_weight_g":1,"item_price_cents":1'
    own = b'"row_key":"%b/f1","store_id":"%b"' % (store, store)
    edit(b"{%b,%b,%b}" % (own, shelf, sizes), "shelf_profiles")
    await_configs(5)
    process.kill()
    edit(b'{"policy_id":"p1","__deleted":"true"}')
    edit(b'{"policy_id":"p1","reorder_point_qty":7}', "wh_policies")
    edit(
        b'{"row_key":"*/f1/A","shelf_id":"f1","batch_code":"A","expiry_date":"2026-01-02Z"}', "batch_catalog"
    )
    process = worlds.start("a", settings(speed=1.0, faults=FaultSettings()))
    while "resumed" not in process.log.read_text():
        time.sleep(0.05)
    await_configs(10)
    edit(b'{"row_key":"*/f1",%b,%b}' % (shelf, sizes), "shelf_profiles")
    await_configs(11)
    process.kill()
    process = worlds.start("a", settings(faults=FaultSettings()))
    worlds.await_end("a")
    assert process.stop() == 0
    told = configs()
    policies = [(c["op"], c["policy"].get("threshold_pct")) for c in told if c["kind"] == "policy"]
    assert policies == [
        ("upsert", 55.0),
        ("upsert", 55.0),
        ("upsert", 60.0),
        ("delete", 60.0),
        ("delete", None),
    ]
    assert [c["wh_policy"]["reorder_point_qty"] for c in told if c["kind"] == "wh_policy"] == [7, 7]
    assert [c["lot"]["expiry_date"] for c in told if c["kind"] == "lot"] == ["2026-01-02"] * 2
    profiles = [(c["store_id"] == store.decode(), c["profile"]["row_key"]) for c in told[4:] if c["profile"]]
    assert profiles == [(True, f"{store.decode()}/f1"), (False, "*/f1")]
    assert len({c["event_id"] for c in told}) == 11
    moments = [datetime.fromisoformat(c["timestamp"]) for c in told]
    assert moments == sorted(moments)
    assert len(set(moments)) == 7, "each row has its own"
    letters = [json.loads(fields[b"data"]) for _, fields in worlds.client.xrange(f"{name}dead_letters")]
    assert {(x["source"], x["value"]) for x in letters} == {
        ("shelf_policies", '{"policy_id":"p2","threshold_pct":"many"}')
    }
    lines = lines_of(worlds.ledger("a"))
    assert [line["seq"] for line in lines] == list(range(len(lines)))
    assert [line["data"] for line in lines if line.get("relayed") and line["kind"] == "event"] == told
