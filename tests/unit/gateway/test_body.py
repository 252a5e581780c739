"""Bodies: gzip within bounds, arrays and lines, and what is refused as a whole."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator

import pytest

from smartstore.gateway.body import (
    JSON,
    MAX_BYTES,
    MAX_RECORDS,
    NDJSON,
    BadBody,
    read_body,
    records_of,
    unpacked,
)

pytestmark = pytest.mark.unit


def read(*chunks: bytes, encoding: str = "") -> bytes:
    async def stream() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return asyncio.run(read_body(stream(), encoding))


def status_of(work, *arguments, **named) -> int:
    with pytest.raises(BadBody) as refusal:
        work(*arguments, **named)
    return refusal.value.status


def test_a_body_comes_whole_packed_or_not() -> None:
    assert read(b"ab", b"", b"c") == b"abc"
    packed = gzip.compress(b"abc" * 1000)
    assert read(packed[:7], packed[7:], encoding="gzip") == b"abc" * 1000
    assert read(packed + gzip.compress(b"more"), encoding="gzip") == b"abc" * 1000 + b"more"


def test_what_is_larger_than_the_bound_is_refused_as_sent_and_as_unpacked() -> None:
    assert read(b"x" * MAX_BYTES) == b"x" * MAX_BYTES
    assert status_of(read, b"x" * MAX_BYTES, b"x") == 413
    assert unpacked(gzip.compress(b"x" * MAX_BYTES)) == b"x" * MAX_BYTES
    bomb = gzip.compress(b"\0" * (8 * MAX_BYTES))
    assert len(bomb) < MAX_BYTES
    assert status_of(unpacked, bomb) == 413


def test_many_small_members_cannot_get_round_the_bound() -> None:
    assert status_of(unpacked, gzip.compress(b"x" * (MAX_BYTES // 4)) * 5) == 413


PACKED = gzip.compress(b"abc" * 99, mtime=0)


@pytest.mark.parametrize("data", [b"no gzip", PACKED[:-9], PACKED[:12]], ids=["other", "cut", "header only"])
def test_what_is_not_whole_gzip_is_refused(data: bytes) -> None:
    assert status_of(unpacked, data) == 400


def test_another_encoding_is_not_supported() -> None:
    assert status_of(read, b"", encoding="br") == 415


def test_records_are_cut_from_an_array_and_from_lines() -> None:
    assert records_of(b' [ {"a": 1} , 2 ]', JSON) == [b'{"a": 1}', b"2"]
    assert records_of(b'{"a":1}\r\n\n  \n{"b":2}', NDJSON) == [b'{"a":1}\r', b'{"b":2}']
    assert records_of(b"[]", JSON) == []
    assert records_of(b"", NDJSON) == []


@pytest.mark.parametrize("body", [b"", b"{}", b"[1", b"nonsense", b"\xff", b"[" * 100_000])
def test_what_is_no_array_is_refused(body: bytes) -> None:
    assert status_of(records_of, body, JSON) == 400


def test_a_broken_line_is_left_to_be_judged_for_itself() -> None:
    assert records_of(b"broken\n{}", NDJSON) == [b"broken", b"{}"]


def test_too_many_records_and_other_types_are_refused() -> None:
    assert status_of(records_of, json.dumps([1] * (MAX_RECORDS + 1)).encode(), JSON) == 413
    assert status_of(records_of, b"1\n" * (MAX_RECORDS + 1), NDJSON) == 413
    assert status_of(records_of, b"[]", "text/csv") == 415
    assert status_of(records_of, b"[]", "") == 415
