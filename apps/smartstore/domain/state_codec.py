"""The state of a store as bytes: one Arrow table per part, each with its schema version, all compressed as one.

A minor release only adds columns; a missing column reads as its default, so release N−1 and N read each other.
"""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar

import msgspec
import numpy as np
import pyarrow as pa

from smartstore.contracts.events import CatalogLot, Policy, ShelfPolicy, WhPolicy
from smartstore.contracts.topics import BY_NAME
from smartstore.contracts.wire import decoder
from smartstore.domain import supplier_plans
from smartstore.domain.alert_book import AlertBook, Kind
from smartstore.domain.balance import NONE
from smartstore.domain.catalog import Catalog
from smartstore.domain.demand import NO_DAY, Demand
from smartstore.domain.engine import JOBS, JobCounts, StoreState
from smartstore.domain.inbox import Fact, Inbox
from smartstore.domain.jobs import (
    batch_state_updater,
    daily_discount_manager,
    removal_scheduler,
    shelf_aggregator,
    shelf_alert_engine,
    shelf_daily_features,
    shelf_refill_bridge,
    supplier_manager,
    wh_aggregator,
    wh_alert_engine,
    wh_batch_state_updater,
)
from smartstore.domain.lines import LINES, NO_POSITION, Held, LineState
from smartstore.domain.lot_book import LotBook
from smartstore.domain.lots import LotKeys, Lots
from smartstore.domain.promotions import Promotions
from smartstore.domain.restock_plans import PlanBook
from smartstore.domain.shelves import ENDLESS, BoolArray, IntArray, Shelves
from smartstore.domain.supplier_plans import OrderBook
from smartstore.domain.unit_book import UnitBook

SCHEMA_VERSION = 1
_CODEC = "lz4_raw"
_VERSION_KEY = b"schema_version"
_NOTHING = pa.record_batch({})
"""A part that the release which wrote the state did not know."""
_NO_ROWS = msgspec.msgpack.encode([])
"""The same for a part that is a list."""
_DUES = 10

Book = TypeVar("Book", OrderBook, supplier_plans.PlanBook, Promotions, shelf_daily_features.Counts)
P = TypeVar("P", bound=Policy)


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


def taken_ms_of(blob: bytes) -> int:
    """The last tick (epoch ms) that a packed state has taken, or `NO_POSITION`."""
    return int(msgspec.msgpack.decode(unpack_parts(blob)["runner"])["taken_ms"])


def job_bytes(parts: dict[str, bytes], job: str) -> int:
    """Size of one job's state."""
    return sum(len(part) for name, part in parts.items() if name.split("/")[0] == job)


def encode_parts(state: StoreState) -> dict[str, bytes]:
    """The state by part: one per job (or `job/detail`), and the runner's own."""
    shelves, aggregator, lots, alerts = state.shelves, state.aggregator, state.lots, state.alerts
    back_room, back_lots = state.back_room, state.back_lots
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
                "facts": state.inbox.count,
                "due": [
                    aggregator.book.next_due_ms,
                    lots.next_due_ms,
                    alerts.next_due_ms,
                    back_room.book.next_due_ms,
                    back_lots.next_due_ms,
                    state.restock_due_ms,
                    state.removal_due_ms,
                    state.supplier_due_ms,
                    state.wh_alerts.next_due_ms,
                    state.discounts.next_due_ms,
                ],
                "cutoff_ms": state.supplier.cutoff_ms,
                "demand": [state.wh_alerts.demand.day, state.wh_alerts.demand.whole],
                "removal_day": state.removal.day,
                "discount_day": state.discounts.day,
                "features": [state.features.day, state.features.people],
                "open": state.open,
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
            warehouse_capacity=shelves.warehouse_capacity,
            batch_size=shelves.batch_size,
            life_days=shelves.life_days,
            item_price_cents=shelves.item_price_cents,
        ),
        "catalog": msgspec.msgpack.encode(list(state.catalog.rows.values())),
        shelf_aggregator.NAME: _table(**_unit_columns(aggregator.book), weight_g=aggregator.weight_g),
        batch_state_updater.NAME: _table(**_lot_columns(lots.lots)),
        f"{batch_state_updater.NAME}/counted": _table(counted=lots.counted),
        wh_aggregator.NAME: _table(**_unit_columns(back_room.book), transit=back_room.transit),
        wh_batch_state_updater.NAME: _table(**_lot_columns(back_lots.lots)),
        f"{wh_batch_state_updater.NAME}/counted": _table(counted=back_lots.counted),
        f"{shelf_alert_engine.NAME}/plans": _table(**vars(alerts.plans)),
        f"{shelf_refill_bridge.NAME}/inbox": _table(
            line=[fact.line for fact in state.inbox.facts],
            value=[fact.value for fact in state.inbox.facts],
            effective_ms=np.array([fact.effective_ms for fact in state.inbox.facts], np.int64),
        ),
        f"{shelf_alert_engine.NAME}/policies": msgspec.msgpack.encode(list(alerts.policies.values())),
    }
    wh_alerts = state.wh_alerts
    parts[f"{wh_alert_engine.NAME}/plans"] = _table(**vars(wh_alerts.plans))
    parts[f"{wh_alert_engine.NAME}/demand"] = _table(sold=wh_alerts.demand.sold, milli=wh_alerts.demand.milli)
    parts[f"{wh_alert_engine.NAME}/policies"] = msgspec.msgpack.encode(list(wh_alerts.policies.values()))
    parts[supplier_manager.NAME] = _table(**vars(state.supplier.orders))
    parts[f"{daily_discount_manager.NAME}/promotions"] = _table(**vars(state.discounts.promotions))
    parts[f"{daily_discount_manager.NAME}/discount"] = _table(discount=state.discounts.discount)
    parts[shelf_daily_features.NAME] = _table(**vars(state.features.counts))
    sales = {f"before_{days}": sold for days, sold in enumerate(state.features.sales, 1)}
    parts[f"{shelf_daily_features.NAME}/sales"] = _table(**sales)
    kinds = (
        *(*shelf_alert_engine.KINDS, *wh_alert_engine.KINDS),
        *(*removal_scheduler.KINDS, daily_discount_manager.KIND),
    )
    books = (*alerts.books, *wh_alerts.books, *state.removal.books, state.discounts.book)
    for kind, book in zip(kinds, books, strict=True):
        parts[f"{kind.job}/{kind.name}"] = _table(**vars(book))
    return parts


def decode_state(blob: bytes) -> StoreState:
    """Read what `encode_state` wrote; raises `StateSchemaError` for a newer major schema."""
    parts = unpack_parts(blob)
    runner = msgspec.msgpack.decode(parts["runner"])
    due = runner["due"] + [0] * (_DUES - len(runner["due"]))
    shelves, aggregator = _Part(parts, "shelves"), _Part(parts, shelf_aggregator.NAME)
    back_room, plans = _Part(parts, wh_aggregator.NAME), _Part(parts, f"{shelf_alert_engine.NAME}/plans")
    day, whole = runner.get("demand", (NO_DAY, False))
    demand = _Part(parts, f"{wh_alert_engine.NAME}/demand")
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
            warehouse_capacity=shelves.ints("warehouse_capacity"),
            batch_size=shelves.ints("batch_size", 1),
            life_days=shelves.ints("life_days", ENDLESS),
            item_price_cents=shelves.ints("item_price_cents"),
        ),
        catalog=_catalog(parts.get("catalog", _NO_ROWS)),
        aggregator=shelf_aggregator.State(
            book=_units(aggregator, due[0]), weight_g=aggregator.ints("weight_g")
        ),
        lots=_lot_book(parts, batch_state_updater.NAME, due[1]),
        back_room=wh_aggregator.State(book=_units(back_room, due[3]), transit=back_room.ints("transit")),
        back_lots=_lot_book(parts, wh_batch_state_updater.NAME, due[4]),
        restock_due_ms=due[5],
        removal=removal_scheduler.State(runner["removal_day"], _books(parts, removal_scheduler.KINDS)),
        removal_due_ms=due[6],
        discounts=daily_discount_manager.State(
            promotions=_Part(parts, f"{daily_discount_manager.NAME}/promotions").columns(Promotions),
            day=runner.get("discount_day", NO_DAY),
            discount=_Part(parts, f"{daily_discount_manager.NAME}/discount").ints("discount"),
            book=_books(parts, (daily_discount_manager.KIND,))[0],
            next_due_ms=due[9],
        ),
        features=_features(parts, runner.get("features", (NO_DAY, 0))),
        supplier=supplier_manager.State(
            _Part(parts, supplier_manager.NAME).columns(OrderBook), runner.get("cutoff_ms", NONE)
        ),
        supplier_due_ms=due[7],
        wh_alerts=wh_alert_engine.State(
            books=_books(parts, wh_alert_engine.KINDS),
            plans=_Part(parts, f"{wh_alert_engine.NAME}/plans").columns(supplier_plans.PlanBook),
            demand=Demand(
                sold=demand.ints("sold"),
                milli=demand.ints("milli"),
                day=day,
                whole=whole,
            ),
            policies=_policies(parts.get(f"{wh_alert_engine.NAME}/policies", _NO_ROWS), WhPolicy),
            next_due_ms=due[8],
        ),
        open=runner.get("open", True),
        inbox=_inbox(_Part(parts, f"{shelf_refill_bridge.NAME}/inbox"), runner["facts"]),
        alerts=shelf_alert_engine.State(
            books=_books(parts, shelf_alert_engine.KINDS),
            plans=_plans(plans),
            policies=_policies(parts[f"{shelf_alert_engine.NAME}/policies"], ShelfPolicy),
            next_due_ms=due[2],
        ),
    )


class _Part:
    """One Arrow table of the state, column by column."""

    def __init__(self, parts: dict[str, bytes], name: str) -> None:
        if name not in parts:
            self._batch = _NOTHING
            return
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

    def columns(self, book: type[Book]) -> Book:
        """A book whose columns are all whole numbers."""
        return book(**{column.name: self.ints(column.name) for column in fields(book)})

    def bools(self, name: str) -> BoolArray:
        if name not in self._batch.schema.names:
            return np.zeros(self._batch.num_rows, np.bool_)
        out: BoolArray = self._batch.column(name).to_numpy(zero_copy_only=False)
        return out

    def texts(self, name: str) -> tuple[str, ...]:
        if name not in self._batch.schema.names:
            return tuple("" for _ in range(self._batch.num_rows))
        return tuple(self._batch.column(name).to_pylist())

    def blobs(self, name: str) -> tuple[bytes, ...]:
        if name not in self._batch.schema.names:
            return tuple(b"" for _ in range(self._batch.num_rows))
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


def _unit_columns(book: UnitBook) -> dict[str, np.ndarray[Any, Any]]:
    return {
        "balance": book.balance,
        "counted": book.counted,
        "last_event_ms": book.last_event_ms,
        "deficit_since_ms": book.deficit_since_ms,
        "adjustments": book.adjustments,
    }


def _units(part: _Part, next_due_ms: int) -> UnitBook:
    return UnitBook(
        balance=part.ints("balance"),
        counted=part.bools("counted"),
        last_event_ms=part.ints("last_event_ms"),
        deficit_since_ms=part.ints("deficit_since_ms"),
        adjustments=part.ints("adjustments"),
        next_due_ms=next_due_ms,
    )


def _inbox(part: _Part, count: int) -> Inbox:
    rows = zip(part.texts("line"), part.ints("effective_ms").tolist(), part.blobs("value"), strict=True)
    facts = tuple(
        Fact(line, effective_ms, value, decoder(BY_NAME[line].value).decode(value))
        for line, effective_ms, value in rows
    )
    return Inbox(facts, count)


def _features(parts: dict[str, bytes], runner: Sequence[int]) -> shelf_daily_features.State:
    sales = _Part(parts, f"{shelf_daily_features.NAME}/sales")
    days = range(1, shelf_daily_features.SALES_DAYS + 1)
    return shelf_daily_features.State(
        day=runner[0],
        people=runner[1],
        counts=_Part(parts, shelf_daily_features.NAME).columns(shelf_daily_features.Counts),
        sales=tuple(sales.ints(f"before_{n}") for n in days),
    )


def _lot_book(parts: dict[str, bytes], job: str, next_due_ms: int) -> LotBook:
    return LotBook(_lots(_Part(parts, job)), _Part(parts, f"{job}/counted").bools("counted"), next_due_ms)


def _lot_columns(lots: Lots) -> dict[str, Sequence[Any] | np.ndarray[Any, Any]]:
    return {
        "shelf": lots.shelf,
        "code": lots.codes,
        "received": lots.received,
        "expiry": lots.expiry,
        "balance": lots.balance,
        "last_event_ms": lots.last_event_ms,
        "changed_ms": lots.changed_ms,
        "deficit_since_ms": lots.deficit_since_ms,
        "adjustments": lots.adjustments,
    }


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


def _books(parts: dict[str, bytes], kinds: tuple[Kind, ...]) -> tuple[AlertBook, ...]:
    return tuple(_book(_Part(parts, f"{kind.job}/{kind.name}")) for kind in kinds)


def _book(part: _Part) -> AlertBook:
    return AlertBook(
        status=part.ints("status"),
        number=part.ints("number"),
        created_ms=part.ints("created_ms"),
        acknowledged_ms=part.ints("acknowledged_ms"),
        waiting=part.bools("waiting"),
    )


def _plans(part: _Part) -> PlanBook:
    return PlanBook(
        status=part.ints("status"),
        number=part.ints("number"),
        suggested=part.ints("suggested"),
        issued=part.ints("issued"),
        delivered=part.ints("delivered"),
        stock=part.ints("stock"),
        created_ms=part.ints("created_ms"),
        approved_ms=part.ints("approved_ms"),
        closed_ms=part.ints("closed_ms"),
        short=part.bools("short"),
    )


def _catalog(blob: bytes) -> Catalog:
    rows = msgspec.msgpack.decode(blob, type=list[CatalogLot])
    return Catalog({row.row_key: row for row in rows})


def _policies(blob: bytes, kind: type[P]) -> dict[str, P]:
    policies: list[P] = msgspec.msgpack.decode(blob, type=list[kind])  # type: ignore[valid-type]
    return {policy.policy_id: policy for policy in policies}
