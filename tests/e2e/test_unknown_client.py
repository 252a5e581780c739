"""A client that nobody knows, with books of its own: what it posts, however, must be what the tables say in the end.

It knows docs/gateway.md, the OpenAPI page and docs/stock-rules.md. While it posts, processes are killed. Another seed,
or another number of records: SMARTSTORE_CLIENT_SEED, SMARTSTORE_CLIENT_RECORDS.
"""

import gzip
import json
import os
import random
import subprocess
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.client_books import Books
from tests.e2e.client_day import PLANNED, WRONG, Day, Record
from tests.e2e.client_faults import spoilt
from tests.e2e.client_tables import TABLES, expected, unlike
from tests.e2e.client_till import JSON, NDJSON, Till
from tests.estate import SMARTSTORE, Estate, running, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

SEED = int(os.environ.get("SMARTSTORE_CLIENT_SEED", "1"))
RECORDS = int(os.environ.get("SMARTSTORE_CLIENT_RECORDS", "1500"))
STORES = ("s0001", "s0002", "s0003")
VICTIMS = ("gateway", "world", "bridge", "valkey")
EVENTS = "/v1/events"
SPEC: dict[str, Any] = {
    "apiVersion": "smartstore.io/v1alpha1",
    "kind": "SmartStore",
    "metadata": {"name": "unknown-client"},
    "spec": {
        "stores": len(STORES),
        "source": {"type": "External", "tick": "1s"},
        "planning": {"shelf": {"lateness": "1m"}},
        "lake": {"enabled": False},
    },
}


class Shop:
    """One store as its client runs it."""

    def __init__(self, store: str, till: Till) -> None:
        self.rnd = random.Random(f"{SEED} {store}")
        self.till, self.books = till, Books(store)
        self.day = Day(self.rnd, self.books)
        self.past: list[Record] = []
        """Good records, to be sent again."""
        self.posted = 0

    def booked(self, records: list[Record]) -> list[Record]:
        """The records, now in the books."""
        for record in records:
            self.books.post(record)
        self.past += records
        self.posted += len(records)
        return records

    def send(self, records: list[Record]) -> None:
        """Send good records, in some form; now and then twice."""
        for _ in range(2 if self.rnd.random() < 0.15 else 1):
            answer = self._post(records)
            told = {"accepted": len(records), "refused": 0}
            assert (answer.status_code, answer.json()) == (202, told), answer.text

    def send_with_bad_ones(self, records: list[Record]) -> None:
        """Send good records with bad copies between them; each bad one is answered with its place, word and field."""
        body: list[Any] = []
        told = []
        for record in records:
            if self.rnd.random() < 0.5:
                bad, word, name = spoilt(self.rnd, record)
                told.append((len(body), word, name))
                body.append(bad)
            body.append(record)  # the one that was mended has the id of the one that was refused
        answer = self._post(body)
        assert answer.status_code == (422 if told else 202), answer.text
        found = answer.json()
        assert (found["accepted"], found["refused"]) == (len(records), len(told))
        errors = [
            (e["index"], e["reason"].partition(":")[0], e.get("field")) for e in found.get("errors", [])
        ]
        assert errors == told, found

    def live(self, records: int) -> None:
        """Post so many records in requests of all sizes and forms, old ones again among them."""
        while self.posted < records:
            batch: list[Record] = []
            for _ in range(self.rnd.choice((1, 1, 3, 10))):
                batch += self.booked(self.day.some())
            batch += [self._again() for _ in range(self.rnd.choice((0, 0, 1, 3)))]
            if batch and self.rnd.random() < 0.3:
                self.send_with_bad_ones(batch)
            elif batch:
                self.send(batch)
            if self.rnd.random() < 0.05:
                self.command_nothing()
            time.sleep(self.rnd.uniform(0, 2.0))

    def command_nothing(self) -> None:
        """A command for what is not there; without an id of its own, and sent twice."""
        command = {"store_id": self.books.store, "timestamp": self.day.record("visits")["timestamp"]}
        kind = self.rnd.choice(("approve", "cancel", "acknowledge"))
        command |= {"command": kind, "alert_id" if kind == "acknowledge" else "plan_id": "nobody's"}
        button = {"Idempotency-Key": f"button {self.rnd.random()}"}
        answers = [self.till.post_command(command, **button) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [202, 202]
        ids = {answer.json()["event_id"] for answer in answers}
        assert len(ids) == 1
        self.books.post({**command, "topic": "commands", "event_id": ids.pop()})

    def _again(self) -> Record:
        """A record from any time before, perhaps with another content: a repeat is known by its id."""
        record = self.rnd.choice(self.past[-20:] if self.rnd.random() < 0.5 else self.past)
        if record["topic"] == "shelf_events" and record.get("quantity") and "lots" not in record:
            return {**record, "quantity": record["quantity"] + self.rnd.randint(0, 1)}
        return dict(record)

    def _post(self, records: list[Any]) -> httpx.Response:
        return self.till.post_events(records, lines=self.rnd.random() < 0.5, packed=self.rnd.random() < 0.5)


def gateway_command(estate: Estate, *words: str) -> str:
    """What `smartstore gateway …` prints."""
    command = [SMARTSTORE, "gateway", *words, "--data-dir", str(estate.data_dir)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def new_till(estate: Estate, store: str) -> Till:
    """A till with a key for a store."""
    url = estate.status()["endpoints"]["gateway"]
    return Till(url, gateway_command(estate, "key", "create", "--store", store))


def kill_at_random(estate: Estate, rnd: random.Random, until: list[Future[None]]) -> None:
    """Every victim once, then one after the other, as long as somebody posts."""
    victims: list[str] = []
    while not all(one.done() for one in until):
        victims = victims or rnd.sample(VICTIMS, len(VICTIMS))
        victim = victims.pop()
        wait_until(f"a {victim} to kill", lambda name=victim: is_up(estate, name), 60)
        print(f"kill -9 {victim}", flush=True)
        estate.kill(victim)
        time.sleep(rnd.uniform(4, 9))


def is_up(estate: Estate, name: str) -> bool:
    """Whether a component runs and is ready."""
    return any(row["name"] == name and row["state"] == "ready" for row in estate.status()["components"])


def differences(estate: Estate, shops: list[Shop]) -> list[str]:
    """Rows that are in the books or in Postgres only."""
    shown = {table: estate.rows(f"select {columns} from {table}") for table, columns in TABLES.items()}
    return unlike(expected(shop.books for shop in shops), shown)


def demand_agreement(estate: Estate, shops: list[Shop], seconds: float) -> None:
    """Wait until the tables say what the books say; tells what differs if they do not."""
    try:
        wait_until("the client's books", lambda: not differences(estate, shops), seconds)
    except TimeoutError:
        left = differences(estate, shops)
        pytest.fail(f"seed {SEED}: {len(left)} differences:\n" + "\n".join(left[:40]))


def nobody_else_gets_in(till: Till, other: Till) -> None:
    """Without a key, with a wrong one, for another store; bodies that cannot be taken. Nothing of it may stay."""
    good = {
        "topic": "shelf_events",
        "event_id": "door",
        "store_id": "s0001",
        "timestamp": "2026-01-01T00:00:00Z",
    }
    one = json.dumps([good | {"event_type": "pickup", "shelf_id": "LATE-1", "quantity": 1}]).encode()
    for key in (
        "",
        "nonsense",
        f"sst_{'0' * 12}_{'0' * 64}",
        till.key[:-1] + ("1" if till.key[-1] == "0" else "0"),
    ):
        answer = Till(till.url, key).send(EVENTS, one, {"Content-Type": JSON})
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    answer = other.send(EVENTS, one, {"Content-Type": JSON})
    assert (answer.status_code, answer.json()["errors"][0]["reason"][:9]) == (422, "forbidden")
    nothing: tuple[tuple[int, bytes, dict[str, str]], ...] = (
        (202, b"[]", {"Content-Type": JSON}),
        (202, b"\n \n", {"Content-Type": NDJSON}),
        (400, b"{}", {"Content-Type": JSON}),
        (400, one[:-9], {"Content-Type": JSON}),
        (400, one, {"Content-Type": JSON, "Content-Encoding": "gzip"}),
        (400, gzip.compress(one)[:-9], {"Content-Type": JSON, "Content-Encoding": "gzip"}),
        (413, b" " * 9_000_000 + one, {"Content-Type": JSON}),
        (413, gzip.compress(b" " * 9_000_000 + one), {"Content-Type": JSON, "Content-Encoding": "gzip"}),
        (413, b"1\n" * 10_001, {"Content-Type": NDJSON}),
        (415, one, {"Content-Type": "text/csv"}),
        (415, one, {}),
        (415, one, {"Content-Type": JSON, "Content-Encoding": "br"}),
    )
    for status, body, headers in nothing:
        answer = till.send(EVENTS, body, headers)
        assert answer.status_code == status, (headers, answer.text)


def too_much_is_turned_away(till: Till) -> None:
    """10,000 at once and 1,000 a second: who sends more has to wait as long as he is told, and no longer."""
    flood, drop = b"{}\n" * 10_000, b"{}"
    statuses = [till.send_once(EVENTS, flood, {"Content-Type": NDJSON}) for _ in range(2)]
    assert [answer and answer.status_code for answer in statuses] == [422, 422]
    turned = till.send_once(EVENTS, drop, {"Content-Type": NDJSON})
    assert turned is not None
    assert turned.status_code == 429
    seconds = int(turned.headers["Retry-After"])
    assert 1 <= seconds <= 10
    time.sleep(seconds)
    again = till.send_once(EVENTS, drop, {"Content-Type": NDJSON})
    assert again is not None
    assert again.status_code == 422


def carry_out_a_plan(estate: Estate, shop: Shop) -> None:
    """People bring what the plan of a shelf asks for; what was written off counts from nothing again."""
    where = f"store_id = '{shop.books.store}' and shelf_id = '{PLANNED}'"
    query = f"select plan_id, suggested_qty, status from ops.shelf_restock_plan where {where}"
    ((plan_id, wanted, status),) = estate.rows(query)
    assert (wanted, status) == (80 - 3, "pending")
    shop.send(shop.booked(shop.day.refill(PLANNED, wanted, plan_id)))
    wait_until("the plan's end", lambda: estate.rows(query) == [(plan_id, wanted, "completed")], 60)
    found = shop.day.record("shelf_events", event_type="putback", shelf_id=WRONG, quantity=3)
    shop.send(shop.booked([found]))
    assert shop.books.shelves[WRONG].units == 3


def forwarded_once(estate: Estate, shops: list[Shop]) -> None:
    """The bridge counts over all its lives: each event went on once, those that no table shows too; none was refused.

    Apart from a store's name, which is known by its version and goes on as often as it is sent, and from configuration,
    which comes from Postgres too.
    """
    for topic in {topic for shop in shops for topic in shop.books.taken} - {"stores", "store_config"}:
        taken = sum(len(shop.books.taken[topic]) for shop in shops)
        counts = {
            outcome: estate.metric("bridge", "smartstore_bridge_entries_total", stream=topic, outcome=outcome)
            for outcome in ("forwarded", "dead")
        }
        assert counts == {"forwarded": taken, "dead": 0}, topic


def a_revoked_key_ends(estate: Estate, till: Till) -> None:
    """Within two seconds."""
    assert till.send(EVENTS, b"[]", {"Content-Type": JSON}).status_code == 202
    gateway_command(estate, "key", "revoke", till.key.split("_")[1])
    time.sleep(2)
    assert till.send(EVENTS, b"[]", {"Content-Type": JSON}).status_code == 401


def test_what_an_unknown_client_posts_is_what_the_tables_say(tmp_path: Path) -> None:
    print(f"seed {SEED}, {RECORDS} records", flush=True)
    rnd = random.Random(SEED)
    with running(SPEC, tmp_path) as estate:
        shops = [Shop(store, new_till(estate, store)) for store in STORES]
        nobody_else_gets_in(shops[0].till, shops[1].till)
        for shop in shops:
            shop.send(shop.booked(shop.day.opening()))
        demand_agreement(estate, shops, 120)
        for shop in shops:
            shop.send(shop.booked(shop.day.impossible()))
            for records in shop.day.ahead_of_its_cause():
                shop.send(shop.booked(records))
        impossible_at = time.monotonic()
        with ThreadPoolExecutor(len(shops)) as pool:
            lives = [pool.submit(shop.live, RECORDS // len(shops)) for shop in shops]
            kill_at_random(estate, rnd, lives)
        for one in lives:
            one.result()
        answers = sum((shop.till.answers for shop in shops), Counter[object]())
        print(f"{sum(len(shop.past) for shop in shops)} records, answers {dict(answers)}", flush=True)
        wait_until("the gateway", lambda: is_up(estate, "gateway"), 60)
        too_much_is_turned_away(new_till(estate, "*"))
        for shop in shops:
            shop.send(shop.booked(shop.day.closing()))
        time.sleep(max(0.0, impossible_at + 61 - time.monotonic()))  # the lateness bound, and its tick
        for shop in shops:
            shop.books.write_off()
        demand_agreement(estate, shops, 120)
        for shop in shops:
            carry_out_a_plan(estate, shop)
        demand_agreement(estate, shops, 60)
        forwarded_once(estate, shops)
        wait_until("a clean verdict", lambda: estate.verify() == "clean", 60)
        a_revoked_key_ends(estate, shops[0].till)
