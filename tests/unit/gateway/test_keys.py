"""Keys: what is kept of them, and the copy of the table that answers while Postgres is away."""

import asyncio

import pytest

from smartstore.gateway.directory import STALE_SECONDS, KeyDirectory, KeysUnavailable
from smartstore.gateway.key_table import KeyTable, KeyTableError
from smartstore.gateway.keys import ANY_STORE, ValidKey, fits, hash_of, new_key, parts_of
from smartstore.gateway.rate import RateLimit

pytestmark = pytest.mark.unit


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Rows(KeyTable):
    """A table whose rows are given; `away` makes it fail as Postgres would."""

    def __init__(self, *keys: ValidKey) -> None:
        super().__init__("")
        self.rows = {key.key_id: key for key in keys}
        self.away = False

    def valid(self) -> dict[str, ValidKey]:
        if self.away:
            raise KeyTableError("Postgres: away")
        return dict(self.rows)


def a_key(store: str = "s0001") -> tuple[str, ValidKey]:
    key, key_id, secret_hash = new_key()
    return key, ValidKey(key_id, store, secret_hash)


def test_a_key_is_random_and_only_its_hash_is_needed_to_know_it() -> None:
    key, valid = a_key()
    other, _ = a_key()
    assert key != other
    parts = parts_of(key)
    assert parts is not None
    key_id, secret = parts
    assert key_id == valid.key_id
    assert len(bytes.fromhex(secret)) == 32
    assert secret.encode() not in valid.secret_hash
    assert valid.secret_hash == hash_of(secret)
    assert fits(valid, secret)
    assert not fits(valid, parts_of(other)[1])  # type: ignore[index]


@pytest.mark.parametrize("text", ["", "sst_", "sst_0_1", "Bearer x", f"sst_{'0' * 12}_{'0' * 63}", "sst_é_é"])
def test_what_cannot_be_a_key_is_none(text: str) -> None:
    assert parts_of(text) is None


def test_a_key_speaks_for_its_store_or_for_all() -> None:
    assert a_key("s0001")[1].may_write("s0001")
    assert not a_key("s0001")[1].may_write("s0002")
    assert a_key(ANY_STORE)[1].may_write("s0002")


def test_the_copy_serves_while_postgres_is_away_but_not_for_ever() -> None:
    key, valid = a_key()
    table, clock = Rows(valid), Clock()
    directory = KeyDirectory(table, clock)
    directory.refresh()
    table.away = True
    clock.seconds = STALE_SECONDS - 1
    directory.refresh()
    assert asyncio.run(directory.find(key)) == valid
    clock.seconds = STALE_SECONDS + 1
    with pytest.raises(KeysUnavailable):
        asyncio.run(directory.find(key))


def test_a_revoked_key_is_gone_with_the_next_copy() -> None:
    key, valid = a_key()
    table = Rows(valid)
    directory = KeyDirectory(table)
    directory.start()
    try:
        assert asyncio.run(directory.find(key)) == valid
        table.rows.clear()
        directory.refresh()
        assert asyncio.run(directory.find(key)) is None
    finally:
        directory.close()


def test_a_new_key_works_at_once_and_a_wrong_secret_never() -> None:
    table = Rows()
    directory = KeyDirectory(table)
    directory.start()
    try:
        key, valid = a_key()
        table.rows[valid.key_id] = valid
        assert asyncio.run(directory.find(key)) == valid
        wrong = key[:-1] + ("0" if key[-1] != "0" else "1")
        assert asyncio.run(directory.find(wrong)) is None
    finally:
        directory.close()


def test_a_bucket_lets_a_burst_in_and_then_its_rate() -> None:
    clock = Clock()
    rate = RateLimit(10, 100, clock)
    rate.charge("a", 100)
    assert rate.seconds_to_wait("a") == 1
    assert rate.seconds_to_wait("b") == 0
    clock.seconds = 0.5
    assert rate.seconds_to_wait("a") == 0
    rate.charge("a", 55)
    assert rate.seconds_to_wait("a") == 5
    clock.seconds = 5.6
    assert rate.seconds_to_wait("a") == 0
    clock.seconds = 1000
    rate.charge("a", 100)
    assert rate.seconds_to_wait("a") == 1
