"""Derived tables against the tables that they are derived from, at the positions that they say."""

from collections.abc import Mapping

from msgspec import Struct, convert

from smartstore.contracts.lake import (
    PRODUCT_TOTAL_KEY,
    PRODUCT_TOTAL_PARTS,
    PRODUCT_TOTAL_PATH,
    REFILL_PENDING_KEY,
    REFILL_PENDING_PATH,
    REFILL_PENDING_TOPIC,
    ProductTotalState,
    RefillPending,
)
from smartstore.contracts.outputs import ShelfRestockPlan
from smartstore.contracts.topics import BY_NAME
from smartstore.verify.differences import Check
from smartstore.verify.lake.tables import Table, Tables, columns_of

Key = tuple[str, ...]


def check_derived(tables: Tables) -> list[Check]:
    """Derive them again, and compare. Raises `LakeError`."""
    return [_check_totals(tables), _check_pending(tables)]


def _check_totals(tables: Tables) -> Check:
    check = Check(f"lake {PRODUCT_TOTAL_PATH}")
    totals = _opened(tables, PRODUCT_TOTAL_PATH, check)
    if totals is None:
        return check
    parts = {}
    for part in PRODUCT_TOTAL_PARTS:
        states = _states(tables, totals, part.topic, PRODUCT_TOTAL_KEY, check)
        if states is None:
            return check
        parts[part.name] = states
    _compare(check, _added_up(parts), _rows(totals, ProductTotalState, PRODUCT_TOTAL_KEY))
    return check


def _check_pending(tables: Tables) -> Check:
    check = Check(f"lake {REFILL_PENDING_PATH}")
    pending = _opened(tables, REFILL_PENDING_PATH, check)
    if pending is None:
        return check
    plans = _states(tables, pending, REFILL_PENDING_TOPIC, REFILL_PENDING_KEY, check)
    if plans is None:
        return check
    due: dict[Key, Struct] = {}
    for key, plan in plans.items():
        under_way = _under_way(plan)
        if under_way is not None:
            due[key] = under_way
    _compare(check, due, _rows(pending, RefillPending, REFILL_PENDING_KEY))
    return check


def _under_way(plan: Struct) -> RefillPending | None:
    assert isinstance(plan, ShelfRestockPlan)
    quantity = plan.issued_qty - plan.delivered_qty
    if quantity <= 0:
        return None
    return RefillPending(
        store_id=plan.store_id,
        plan_id=plan.plan_id,
        shelf_id=plan.shelf_id,
        quantity=quantity,
        updated_at=plan.updated_at,
        version=plan.version,
    )


def _opened(tables: Tables, path: str, check: Check) -> Table | None:
    """The table, if it says how far it goes."""
    table = tables.open(path)
    if table is None or not table.covered:
        check.notes.append("it has nothing yet")
        return None
    return table


def _states(
    tables: Tables, derived: Table, topic: str, key: tuple[str, ...], check: Check
) -> dict[Key, Struct] | None:
    """The states of a topic's table by key, as far as the derived table goes; None if it cannot be told."""
    ends = dict(derived.covered.get(topic, {}))
    if not ends:
        return {}
    table = tables.open(str(BY_NAME[topic].lake))
    state = table.at(topic, ends) if table is not None else None
    if state is None:
        check.notes.append(f"not compared: no version of the table of {topic} ends where it does")
        return None
    return _rows(state, BY_NAME[topic].value, key)


def _rows(table: Table, record: type[Struct], key: tuple[str, ...]) -> dict[Key, Struct]:
    return {
        tuple(row[name] for name in key): convert(row, record)
        for rows in table.rows(*columns_of(record))
        for row in rows
    }


def _added_up(parts: Mapping[str, dict[Key, Struct]]) -> dict[Key, Struct]:
    keys = {key for states in parts.values() for key in states}
    return {key: _total(key, {name: states.get(key) for name, states in parts.items()}) for key in keys}


def _total(key: Key, states: Mapping[str, Struct | None]) -> Struct:
    known = [state for state in states.values() if state is not None]
    units = {part.name: _units(states.get(part.name), part.columns) for part in PRODUCT_TOTAL_PARTS}
    return convert(
        {
            **dict(zip(PRODUCT_TOTAL_KEY, key, strict=True)),
            **units,
            "total_stock": sum(unit for unit in units.values() if unit is not None),
            "updated_at": max(state.updated_at for state in known),  # type: ignore[attr-defined]
            "version": max(state.version for state in known),  # type: ignore[attr-defined]
        },
        ProductTotalState,
    )


def _units(state: Struct | None, columns: tuple[str, ...]) -> int | None:
    if state is None:
        return None
    return int(next(getattr(state, name) for name in columns if hasattr(state, name)))


def _compare(check: Check, expected: dict[Key, Struct], found: dict[Key, Struct]) -> None:
    check.compared = len(expected)
    for key in expected.keys() | found.keys():
        wanted, row = expected.get(key), found.get(key)
        if wanted != row:
            check.differs("differs", "/".join(key), wanted or "no row", row or "no row")
