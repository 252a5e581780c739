"""The state of a store as bytes: one Arrow table per part, each with its schema version, all compressed as one.

A minor release only adds columns; a missing column reads as its default, so release N−1 and N read each other.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from smartstore.contracts.events import ShelfPolicy
from smartstore.domain.engine import JOBS, JobCounts, StoreState
from smartstore.domain.jobs import batch_state_updater, shelf_aggregator, shelf_alert_engine
from smartstore.domain.lines import LINES, NO_POSITION, Held, LineState
from smartstore.domain.lots import LotKeys, Lots
from smartstore.domain.shelves import BoolArray, IntArray, Shelves

SCHEMA_VERSION = 1
_CODEC = "lz4_raw"
_VERSION_KEY = b"schema_version"


class StateSchemaError(Exception):
    """A part of the state was written by a newer major schema; names the part and both versions."""


def encode_state(state: StoreState) -> bytes:
    """The whole state of one store."""
    return pack_parts(encode_parts(state))


def pack_parts(parts: dict[str, bytes]) -> bytes:
    """Parts of the state as one value; `decode_state` reads it.

    Compressed, because Spark moves every store's state to Python and back in each micro-batch, byte by byte.
    """
    packed = msgspec.msgpack.encode(parts)
    compressed: bytes = pa.compress(packed, codec=_CODEC, asbytes=True)
    return msgspec.msgpack.encode([_CODEC, len(packed), compressed])


def unpack_parts(blob: bytes) -> dict[str, bytes]:
    """What `pack_parts` packed."""
    codec, size, compressed = msgspec.msgpack.decode(blob, type=tuple[str, int, bytes])
    packed: bytes = pa.decompress(compressed, decompressed_size=size, codec=codec, asbytes=True)
    return msgspec.msgpack.decode(packed, type=dict[str, bytes])


def job_bytes(parts: dict[str, bytes], job: str) -> int:
    """Size of one job's state."""
    return sum(len(part) for name, part in parts.items() if name.split("/")[0] == job)


def encode_parts(state: StoreState) -> dict[str, bytes]:
    """The state by part: one per job (or `job/detail`), and the runner's own."""
    shelves, aggregator, lots, alerts = state.shelves, state.aggregator, state.lots, state.alerts
    parts: dict[str, bytes] = {
        "runner": msgspec.msgpack.encode(
            {
                "taken_ms": state.taken_ms,
                "late": state.late,
                "repeats": state.repeats,
                "counts": {
                    job: [c.events_in, c.events_out, c.dropped]
                    for job, c in zip(JOBS, state.counts, strict=True)
                },
                "due": [aggregator.next_due_ms, lots.next_due_ms, alerts.next_due_ms],
                "lines": {
                    line.name: [s.high_water, s.last_tick_ms]
                    for line, s in zip(LINES, state.lines, strict=True)
                },
            }
        ),
        "held": _table(
            line=[line.name for line, s in zip(LINES, state.lines, strict=True) for _ in s.held.values],
            value=[value for s in state.lines for value in s.held.values],
            effective_ms=np.concatenate([s.held.effective_ms for s in state.lines]),
        ),
        "shelves": _table(
            id=shelves.ids,
            category=shelves.categories,
            subcategory=shelves.subcategories,
            capacity=shelves.capacity,
            item_weight_g=shelves.item_weight_g,
        ),
        shelf_aggregator.NAME: _table(
            balance=aggregator.balance,
            counted=aggregator.counted,
            weight_g=aggregator.weight_g,
            last_event_ms=aggregator.last_event_ms,
            deficit_since_ms=aggregator.deficit_since_ms,
            adjustments=aggregator.adjustments,
        ),
        batch_state_updater.NAME: _table(
            shelf=lots.lots.shelf,
            code=lots.lots.codes,
            received=lots.lots.received,
            expiry=lots.lots.expiry,
            balance=lots.lots.balance,
            last_event_ms=lots.lots.last_event_ms,
            changed_ms=lots.lots.changed_ms,
            deficit_since_ms=lots.lots.deficit_since_ms,
            adjustments=lots.lots.adjustments,
        ),
        f"{batch_state_updater.NAME}/counted": _table(counted=lots.counted),
        f"{shelf_alert_engine.NAME}/policies": msgspec.msgpack.encode(list(alerts.policies.values())),
    }
    for kind, book in zip(shelf_alert_engine.TYPES, alerts.books, strict=True):
        parts[f"{shelf_alert_engine.NAME}/{kind}"] = _table(
            status=book.status,
            number=book.number,
            created_ms=book.created_ms,
            acknowledged_ms=book.acknowledged_ms,
            waiting=book.waiting,
        )
    return parts


def decode_state(blob: bytes) -> StoreState:
    """Read what `encode_state` wrote; raises `StateSchemaError` for a newer major schema."""
    parts = unpack_parts(blob)
    runner = msgspec.msgpack.decode(parts["runner"])
    due = runner["due"]
    shelves, aggregator = _Part(parts, "shelves"), _Part(parts, shelf_aggregator.NAME)
    ids = shelves.texts("id")
    return StoreState(
        lines=_lines(runner["lines"], _Part(parts, "held")),
        taken_ms=runner["taken_ms"],
        late=runner["late"],
        repeats=runner["repeats"],
        counts=tuple(JobCounts(*runner["counts"].get(job, (0, 0, 0))) for job in JOBS),
        shelves=Shelves(
            ids=ids,
            categories=shelves.texts("category"),
            subcategories=shelves.texts("subcategory"),
            capacity=shelves.ints("capacity"),
            item_weight_g=shelves.ints("item_weight_g"),
        ),
        aggregator=shelf_aggregator.State(
            balance=aggregator.ints("balance"),
            counted=aggregator.bools("counted"),
            weight_g=aggregator.ints("weight_g"),
            last_event_ms=aggregator.ints("last_event_ms"),
            deficit_since_ms=aggregator.ints("deficit_since_ms"),
            adjustments=aggregator.ints("adjustments"),
            next_due_ms=due[0],
        ),
        lots=batch_state_updater.State(
            lots=_lots(_Part(parts, batch_state_updater.NAME)),
            counted=_Part(parts, f"{batch_state_updater.NAME}/counted").bools("counted"),
            next_due_ms=due[1],
        ),
        alerts=shelf_alert_engine.State(
            books=tuple(
                _book(_Part(parts, f"{shelf_alert_engine.NAME}/{kind}")) for kind in shelf_alert_engine.TYPES
            ),
            policies=_policies(parts[f"{shelf_alert_engine.NAME}/policies"]),
            next_due_ms=due[2],
        ),
    )


class _Part:
    """One Arrow table of the state, column by column."""

    def __init__(self, parts: dict[str, bytes], name: str) -> None:
        with pa.ipc.open_stream(parts[name]) as reader:
            version = int((reader.schema.metadata or {}).get(_VERSION_KEY, b"1"))
            if version > SCHEMA_VERSION:
                raise StateSchemaError(
                    f"state part {name!r} has schema {version}; this release reads {SCHEMA_VERSION}"
                )
            self._batch = reader.read_next_batch()

    def ints(self, name: str, default: int = 0) -> IntArray:
        if name not in self._batch.schema.names:
            return np.full(self._batch.num_rows, default, np.int64)
        out: IntArray = self._batch.column(name).to_numpy(zero_copy_only=False)
        return out

    def bools(self, name: str) -> BoolArray:
        out: BoolArray = self._batch.column(name).to_numpy(zero_copy_only=False)
        return out

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(self._batch.column(name).to_pylist())

    def blobs(self, name: str) -> tuple[bytes, ...]:
        return tuple(self._batch.column(name).to_pylist())


def _table(**columns: Sequence[Any] | np.ndarray[Any, Any]) -> bytes:
    arrays = [_array(values) for values in columns.values()]
    schema = pa.schema(
        [pa.field(name, array.type) for name, array in zip(columns, arrays, strict=True)],
        metadata={_VERSION_KEY: str(SCHEMA_VERSION).encode()},
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.record_batch(arrays, schema=schema))
    return bytes(sink.getvalue())


def _array(values: Sequence[Any] | np.ndarray[Any, Any]) -> pa.Array:
    if isinstance(values, np.ndarray):
        return pa.array(values)
    binary = bool(values) and isinstance(values[0], bytes)
    return pa.array(values, pa.binary() if binary else pa.string())


def _lines(positions: dict[str, list[int]], held: _Part) -> tuple[LineState, ...]:
    names, values, effective = held.texts("line"), held.blobs("value"), held.ints("effective_ms")
    lines = []
    for line in LINES:
        mine = [i for i, name in enumerate(names) if name == line.name]
        high_water, last_tick = positions.get(line.name, (NO_POSITION, NO_POSITION))
        kept = Held(tuple(values[i] for i in mine), effective[mine])
        lines.append(LineState(high_water, last_tick, kept))
    return tuple(lines)


def _lots(part: _Part) -> Lots:
    return Lots(
        keys=LotKeys(part.ints("shelf"), part.texts("code")),
        received=part.ints("received"),
        expiry=part.ints("expiry"),
        balance=part.ints("balance"),
        last_event_ms=part.ints("last_event_ms"),
        changed_ms=part.ints("changed_ms"),
        deficit_since_ms=part.ints("deficit_since_ms"),
        adjustments=part.ints("adjustments"),
    )


def _book(part: _Part) -> shelf_alert_engine.Book:
    return shelf_alert_engine.Book(
        status=part.ints("status"),
        number=part.ints("number"),
        created_ms=part.ints("created_ms"),
        acknowledged_ms=part.ints("acknowledged_ms"),
        waiting=part.bools("waiting"),
    )


def _policies(blob: bytes) -> dict[str, ShelfPolicy]:
    policies = msgspec.msgpack.decode(blob, type=list[ShelfPolicy])
    return {policy.policy_id: policy for policy in policies}
