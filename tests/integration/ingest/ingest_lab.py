"""What tests of the bridge feed, read, start and kill."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import redis
from confluent_kafka import Message
from redis.exceptions import ConnectionError as RedisConnectionError

from smartstore.contracts.topics import LINES
from smartstore.ingest.streams import BRIDGED
from smartstore_operator.embedded import control

PARTITIONS = 4
START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


class HasDataDir(Protocol):
    """The shared servers."""

    data_dir: Path


def server_pid(servers: HasDataDir, component: str) -> int:
    """The process of a shared server, for tests that kill it; its supervisor starts it again."""
    status = control.ask(servers.data_dir / "run", {"command": "status"})
    found = [c for c in status["components"] if c["name"] == component]
    return int(found[0]["pid"])


def shelf_event(number: int, store: str, moment: datetime, **changes: object) -> bytes:
    """A good shelf event whose id is its number."""
    event = {
        "event_id": f"e-{number}",
        "store_id": store,
        "timestamp": moment.isoformat().replace("+00:00", "Z"),
        "event_type": "pickup",
        "shelf_id": f"sh-{number % 50}",
        "quantity": 1,
    }
    return json.dumps({k: v for k, v in (event | changes).items() if v is not None}).encode()


class Feed:
    """Writes to the streams as the source does."""

    def __init__(self, client: redis.Redis, prefix: str) -> None:
        self.client: Any = client
        self.prefix = prefix

    def data(self, line: str, *records: bytes) -> list[bytes]:
        """Add records to a stream; returns their ids."""
        pipeline = self.client.pipeline(transaction=True)
        for record in records:
            pipeline.xadd(self.prefix + line, {"data": record})
        return [bytes(i) for i in pipeline.execute()]

    def tick(self, moment: datetime, stores: Sequence[str], lines: Sequence[str] | None = None) -> None:
        """Add a tick to all lines, or some."""
        value = json.dumps({"event_type": "tick", "tick": moment.isoformat(), "stores": list(stores)})
        for line in lines if lines is not None else [topic.name for topic in LINES]:
            self.client.xadd(self.prefix + line, {"tick": value})

    def shelf_events(
        self, count: int, stores: Sequence[str], per_tick: int = 1000, first: int = 0
    ) -> dict[bytes, bytes]:
        """Add good events, a tick of 5 minutes after each `per_tick`; returns values by id, in order."""
        values: dict[bytes, bytes] = {}
        moment = START
        for start in range(first, first + count, per_tick):
            records = [
                shelf_event(n, stores[n % len(stores)], moment)
                for n in range(start, min(start + per_tick, first + count))
            ]
            values.update(zip(self.data("shelf_events", *records), records, strict=True))
            moment += timedelta(minutes=5)
            self.tick(moment, stores, ["shelf_events"])
        return values

    def counts(self, line: str) -> dict[str, int]:
        """What the bridge says became of a stream's entries."""
        found = {k.decode(): int(v) for k, v in self.client.hgetall(f"{self.prefix}bridge:counts").items()}
        return {k.partition(":")[2]: v for k, v in found.items() if k.startswith(f"{line}:")}

    def wait_until_drained(self, seconds: float = 60.0, bridges: Sequence["Process"] = ()) -> None:
        """Wait until the bridge has acknowledged everything."""
        give_up = time.monotonic() + seconds
        waiting: dict[str, Any] = {"not asked": True}
        while waiting:
            waiting = self._waiting()
            for bridge in bridges:
                assert bridge.process.poll() is None, bridge.log.read_text()
            assert time.monotonic() < give_up, (waiting, [b.log.read_text() for b in bridges])
            time.sleep(0.1)

    def _waiting(self) -> dict[str, Any]:
        waiting = {}
        for topic in BRIDGED:
            name = self.prefix + topic.name
            try:
                groups = self.client.xinfo_groups(name) if self.client.exists(name) else []
            except RedisConnectionError as error:
                return {"redis": str(error)}
            if not groups or groups[0]["lag"] != 0 or groups[0]["pending"]:
                waiting[topic.name] = groups
        return waiting


class Process:
    """One of our processes, its output in a file."""

    def __init__(self, module: str, environment: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("a") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module], env=os.environ | environment, stderr=output, stdout=output
            )

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=40)


def header(message: Message, name: str) -> bytes | None:
    """A header's value."""
    return dict(message.headers() or []).get(name)  # type: ignore[return-value]


def position_of(message: Message) -> tuple[int, int]:
    """The redis id of a message, comparable."""
    first, _, second = (header(message, "redis_id") or b"").decode().partition("-")
    return int(first), int(second)


def without_repeats(messages: Sequence[Message]) -> list[Message]:
    """What a reader keeps that recognises repeats by one high-water mark per partition."""
    kept: list[Message] = []
    marks: dict[int, tuple[int, int]] = {}
    for message in messages:
        partition, position = message.partition() or 0, position_of(message)
        if position > marks.get(partition, (0, 0)):
            marks[partition] = position
            kept.append(message)
    return kept
