"""Dead letters: why an entry of a stream was refused, in words, with the field that is wrong."""

import re

import msgspec

from smartstore.contracts.outputs import DeadLetter
from smartstore.contracts.wire import derived_id

VALUE_LIMIT = 900_000
"""Bytes; a longer record would not fit into a Kafka message."""
_KEPT_CHARACTERS = 150_000
_AT_PATH = re.compile(r" - at `\$\.?([^`]*)`$")
_ABOUT_VALUES = ("Expected", "Invalid")
"""How complaints begin that are about the value at their path; the others name a field in back quotes."""
_ESCAPED_NUL = b"\\u0000"
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_QUOTED = re.compile(r"`([A-Za-z_][A-Za-z0-9_]*)`")


def unacceptable(value: bytes) -> str | None:
    """Why a record is refused whatever its contract says; None if nothing speaks against it."""
    if len(value) > VALUE_LIMIT:
        return f"malformed: more than {VALUE_LIMIT} bytes"
    if _ESCAPED_NUL in value and _NUL.search(value):
        return "malformed: text must not contain the character NUL"
    return None


def refusal(stream: str, redis_id: str, value: bytes, reason: str, field: str | None = None) -> DeadLetter:
    """The dead letter of one entry; `stream` without the deployment's prefix. The same entry gives the same letter."""
    store_id, event_id = _identity(value)
    text = _readable(value)
    if len(text) > _KEPT_CHARACTERS:
        reason = f"{reason} (the first {_KEPT_CHARACTERS} of {len(text)} characters are kept)"
        text = text[:_KEPT_CHARACTERS]
    return DeadLetter(
        dead_letter_id=derived_id("bridge", stream, redis_id),
        source=stream,
        position=redis_id,
        store_id=store_id,
        event_id=event_id,
        reason=reason,
        field=field,
        value=text,
    )


def explain(error: Exception) -> tuple[str, str | None]:
    """What a contract's complaint says: the reason, and the field it names as `items[0].quantity`, if any."""
    text = str(error)
    if isinstance(error, UnicodeDecodeError):
        return "malformed: the record is not UTF-8 text", None
    if not isinstance(error, msgspec.ValidationError):
        return f"malformed: not JSON: {text}", None
    place = _AT_PATH.search(text)
    path = place.group(1) if place else ""
    message = text[: place.start()] if place else text
    named = None if message.startswith(_ABOUT_VALUES) else _QUOTED.search(message)
    field = ".".join(part for part in (path, named.group(1) if named else "") if part) or None
    return f"malformed: {message}", field


def _identity(value: bytes) -> tuple[str | None, str | None]:
    """Store and event id, as far as the record tells them."""
    try:
        record = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None, None
    if not isinstance(record, dict):
        return None, None
    return _short_text(record.get("store_id")), _short_text(record.get("event_id"))


def _short_text(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= 64 and "\0" not in value else None


def _readable(value: bytes) -> str:
    """The record as text; bytes that are not UTF-8, and NUL, which Postgres cannot store, as \\xNN."""
    return value.decode(errors="backslashreplace").replace("\0", "\\x00")
