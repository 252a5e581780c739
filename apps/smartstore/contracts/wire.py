"""How records look on the wire: bytes, keys, partitions, headers, versions, derived ids."""

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import Struct

from smartstore.contracts.events import Tick

HEADER_STREAM = "stream"
"""Header with the Redis stream a record came from."""
HEADER_POSITION = "redis_id"
"""Header with the record's id in that stream."""
POSITION_HEADER = 1
"""Its place among the headers the bridge writes: a reader need not search."""
HEADER_TICK = "tick"
"""Header that marks a tick record; sinks filter by it."""
HEADER_JOB = "job"
"""Header with the job that wrote a record, the first one; the runner skips what its own jobs wrote."""
HEADER_FACT = "fact"
"""Header of a fact that a job emitted: its number among the facts of its store, counted from 1."""

TICK_KEY = b"tick"
STREAM_LIMIT = 200_000
"""Entries a Redis stream may hold before those who write to it wait for the bridge."""
ID_NAMESPACE = uuid.UUID("5a0c1f5e-7f0e-5d3c-9a43-3f1f6a0a7a11")

encode = msgspec.json.Encoder(decimal_format="number").encode
"""Encode a record as compact JSON bytes."""


@lru_cache(maxsize=64)
def decoder(value: type[Struct]) -> msgspec.json.Decoder[Any]:
    """The strict decoder of one record type; raises `msgspec.ValidationError` naming the field."""
    return msgspec.json.Decoder(value)


TICK_DECODER = msgspec.json.Decoder(Tick)


def key_of(fields: tuple[str, ...], record: Struct | Mapping[str, Any]) -> str:
    """The record's key: its key fields joined by `/`."""
    if isinstance(record, Mapping):
        return "/".join(str(record[name]) for name in fields)
    values = _getter(fields)(record)
    return "/".join(map(str, values)) if len(fields) > 1 else str(values)


@lru_cache(maxsize=64)
def _getter(fields: tuple[str, ...]) -> Callable[[Any], Any]:
    return attrgetter(*fields)


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit murmur2 (org.apache.kafka.common.utils.Utils.murmur2), unsigned."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    length = len(data)
    h = (0x9747B28C ^ length) & mask
    for i in range(0, length - length % 4, 4):
        k = int.from_bytes(data[i : i + 4], "little")
        k = (k * m) & mask
        k ^= k >> 24
        k = (k * m) & mask
        h = ((h * m) & mask) ^ k
    tail = data[length - length % 4 :]
    if tail:
        h ^= int.from_bytes(tail, "little")
        h = (h * m) & mask
    h ^= h >> 13
    h = (h * m) & mask
    return h ^ (h >> 15)


@lru_cache(maxsize=65536)
def partition_of(store_id: str, partitions: int) -> int:
    """The partition a store has on every topic: Kafka's default for the key `store_id`."""
    return (murmur2(store_id.encode()) & 0x7FFFFFFF) % partitions


def derived_id(*parts: object) -> str:
    """uuid5 of the parts: the same parts give the same id, for ever."""
    return str(uuid.uuid5(ID_NAMESPACE, "/".join(map(str, parts))))


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970-01-01 UTC."""
    since = moment - _EPOCH
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000


def from_epoch_ms(milliseconds: int) -> datetime:
    """The UTC moment so many milliseconds after 1970-01-01."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
