"""Verdicts on entries: contracts, time windows, ticks by partition, and how refusals are explained."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from smartstore.contracts.topics import LEDGER, SHELF_EVENTS, STORES
from smartstore.contracts.wire import epoch_ms, key_of, partition_of
from smartstore.ingest.dedup import SeenIds, bucket_of, digest, known, live_buckets
from smartstore.ingest.intake import FanOut, Forward, Intake, Refuse

pytestmark = pytest.mark.unit

T0 = datetime(2026, 1, 5, 8, tzinfo=UTC)


def event(**changes: object) -> bytes:
    record = {
        "event_id": "e",
        "store_id": "s1",
        "timestamp": T0.isoformat(),
        "event_type": "pickup",
        "shelf_id": "x",
        "quantity": 1,
    }
    return json.dumps({name: value for name, value in (record | changes).items() if value != ...}).encode()


def tick(moment: datetime, *stores: str) -> list[bytes]:
    record = {"event_type": "tick", "tick": moment.isoformat(), "stores": stores}
    return [b"tick", json.dumps(record).encode()]


def intake() -> Intake:
    return Intake(SHELF_EVENTS, 4, None)


def test_good_record_is_forwarded_verbatim() -> None:
    """With the contract's key, the store's partition and the id's digest."""
    value = event(unknown_field=[1, 2])
    verdict = intake().judge(b"1-0", [b"data", value])
    assert isinstance(verdict, Forward)
    assert verdict.value is value
    assert verdict.key == key_of(SHELF_EVENTS.key, json.loads(value))
    assert verdict.partition == partition_of("s1", 4)
    assert verdict.digest == digest("s1", "e")


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"quantity": "two"}, "quantity", "Expected `int | null`, got `str`"),
        ({"quantity": ...}, "quantity", "needs `quantity`"),
        ({"store_id": ...}, "store_id", "missing required field"),
        ({"event_type": "teleport"}, "event_type", "Invalid enum value"),
        ({"timestamp": "2026-01-05T08:00:00"}, "timestamp", "timezone"),
        (
            {"event_type": "putback", "lots": [{"batch_code": "b"}]},
            "lots[0].quantity",
            "missing required field",
        ),
        ({"store_id": "../etc"}, "store_id", "regex"),
        ({"reason": "a\0b"}, None, "NUL"),
        ({"reason": "x" * 1_000_000}, None, "more than"),
    ],
)
def test_refusals_name_the_field(changes: dict[str, object], field: str | None, words: str) -> None:
    """And say in words what is wrong."""
    verdict = intake().judge(b"1-0", [b"data", event(**changes)])
    assert isinstance(verdict, Refuse)
    assert verdict.letter.field == field
    assert words in verdict.letter.reason
    assert verdict.letter.event_id == "e"


@pytest.mark.parametrize(
    "fields", [None, [], [b"payload", b"x"], [b"data", b"{}", b"more", b"x"], [b"tick", b"[]"]]
)
def test_entries_of_another_shape(fields: list[bytes] | None) -> None:
    """Nothing disappears: what is no entry of ours is a dead letter as well."""
    assert isinstance(intake().judge(b"1-0", fields), Refuse)


def test_bytes_that_are_no_text() -> None:
    """They are kept readable, without NUL; a backslash before u0000 is no NUL."""
    verdict = intake().judge(b"1-0", [b"data", b"\xff\x00{"])
    assert isinstance(verdict, Refuse)
    assert verdict.letter.value == "\\xff\\x00{"
    assert isinstance(intake().judge(b"1-0", [b"data", event(reason="a\\u0000")]), Forward)


def test_ids_are_a_store_s_own() -> None:
    """What one store sends is no repeat of what another sent."""
    one, other = (intake().judge(b"1-0", [b"data", event(store_id=store)]) for store in ("s1", "s2"))
    assert isinstance(one, Forward)
    assert isinstance(other, Forward)
    assert one.digest != other.digest


def test_ticks_are_split_by_partition() -> None:
    """Each partition gets its own stores; partitions without stores get nothing."""
    stores = [f"s{n}" for n in range(6)]
    verdict = intake().judge(b"1-0", tick(T0, *stores))
    assert isinstance(verdict, FanOut)
    for partition, value in verdict.values.items():
        assert {partition_of(store, 4) for store in json.loads(value)["stores"]} == {partition}
    assert sorted(s for v in verdict.values.values() for s in json.loads(v)["stores"]) == stores


def test_too_old_and_too_early_count_from_the_last_tick() -> None:
    """24 hours behind or ahead of it is the bound; events ahead of the clock do not move it."""
    subject = intake()
    subject.judge(b"1-0", tick(T0, "s1"))
    early = subject.judge(b"1-1", [b"data", event(timestamp="2099-01-01T00:00:00Z")])
    assert isinstance(early, Refuse)
    assert early.letter.reason.startswith("too_early:")
    day = timedelta(hours=24)
    assert isinstance(subject.judge(b"1-2", [b"data", event(timestamp=(T0 - day).isoformat())]), Forward)
    old = subject.judge(b"1-3", [b"data", event(timestamp=(T0 - day - timedelta(seconds=1)).isoformat())])
    assert isinstance(old, Refuse)
    assert (old.letter.reason[:8], old.letter.field) == ("too_old:", "timestamp")
    assert subject.lasting_clock_ms == epoch_ms(T0)


def test_other_streams() -> None:
    """They have neither ticks nor a clock: a record is known by its key and version, whenever it comes."""
    for topic in (STORES, LEDGER):
        assert isinstance(Intake(topic, 4, None).judge(b"1-0", tick(T0, "s1")), Refuse)
        assert not Intake(topic, 4, None).compares_ids
    stores = Intake(STORES, 4, None)
    for hours in (24, 0, -24):
        moment = (T0 + timedelta(hours=hours)).isoformat()
        store = {"event_id": "e", "store_id": "s1", "timestamp": moment, "ordinal": 0, "name": "One"}
        verdict = stores.judge(b"1-0", [b"data", json.dumps(store).encode()])
        assert isinstance(verdict, Forward)
        assert (verdict.digest, verdict.partition) == (b"", partition_of("s1", 4))
    assert stores.lasting_clock_ms is None


def test_first_copy_of_a_young_event_is_always_in_a_live_set() -> None:
    """An event not too old at clock c came first at a clock of at least c - 24 h - 2 h; its set is live then."""
    hour = 3_600_000
    for clock in range(0, 100 * hour, hour // 4):
        for behind in range(0, 26 * hour + 1, hour // 2):
            assert bucket_of(clock - behind) in live_buckets(clock)
    seen = SeenIds("", "shelf_events")
    dropped = {key for command in seen.forget(50 * hour, 60 * hour) for key in command[1:]}
    assert dropped == {seen.key(b) for b in set(live_buckets(50 * hour)) - set(live_buckets(60 * hour))}
    assert known([b"a", b"b"], [[0, 0], [0, 1]]) == {b"b"}
