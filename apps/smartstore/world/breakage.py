"""Broken copies of good records: what faulty devices send."""

from collections.abc import Callable
from typing import Any

import msgspec

_NOISE = b"ERR 0x1f sensor reboot, uptime 3s"


def break_record(data: bytes, variant: int) -> bytes:
    """A broken copy of a record's JSON, UTF-8 text; the variant chooses how. No source line's contract accepts it."""
    return _BREAKS[variant % len(_BREAKS)](data)


def _truncate(data: bytes) -> bytes:
    return data.decode()[: max(1, len(data) * 2 // 3)].encode()


def _noise(_: bytes) -> bytes:
    return _NOISE


def _list(data: bytes) -> bytes:
    return b"[%b]" % data


def _edit(change: Callable[[dict[str, Any]], None]) -> Callable[[bytes], bytes]:
    def edited(data: bytes) -> bytes:
        record = msgspec.json.decode(data)
        change(record)
        return msgspec.json.encode(record)

    return edited


def _number_field(record: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Where the record's first whole number stands: in a receipt's first item, else a field of its own."""
    place = record["items"][0] if "items" in record else record
    for name in ("quantity", "delta_weight_g", "trip_duration_minutes"):
        if place.get(name) is not None:
            return place, name
    return record, "event_id"


def _wrong_type(record: dict[str, Any]) -> None:
    place, name = _number_field(record)
    place[name] = ["two"]


def _missing(record: dict[str, Any]) -> None:
    del record["store_id"]


def _negative(record: dict[str, Any]) -> None:
    place, name = _number_field(record)
    place[name] = -3 if name != "delta_weight_g" else -1e15


def _unknown_kind(record: dict[str, Any]) -> None:
    if "event_type" in record:
        record["event_type"] = "teleport"
    else:
        record["timestamp"] = "yesterday"


def _no_zone(record: dict[str, Any]) -> None:
    record["timestamp"] = str(record["timestamp"]).removesuffix("Z")


def _null_id(record: dict[str, Any]) -> None:
    record["event_id"] = None


_BREAKS: tuple[Callable[[bytes], bytes], ...] = (
    _truncate,
    _noise,
    _list,
    _edit(_wrong_type),
    _edit(_missing),
    _edit(_negative),
    _edit(_unknown_kind),
    _edit(_no_zone),
    _edit(_null_id),
)
