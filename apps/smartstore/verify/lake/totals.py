"""`curated/product_total_state` against the state tables that it adds up, at the positions that it says."""

from collections.abc import Mapping

from msgspec import Struct, convert

from smartstore.contracts.lake import (
    PRODUCT_TOTAL_KEY,
    PRODUCT_TOTAL_PARTS,
    PRODUCT_TOTAL_PATH,
    ProductTotalState,
)
from smartstore.contracts.topics import BY_NAME
from smartstore.verify.differences import Check
from smartstore.verify.lake.tables import Table, Tables, columns_of

Key = tuple[str, ...]


def check_totals(tables: Tables) -> Check:
    """Add up again, and compare. Raises `LakeError`."""
    check = Check(f"lake {PRODUCT_TOTAL_PATH}")
    totals = tables.open(PRODUCT_TOTAL_PATH)
    if totals is None or not totals.covered:
        check.notes.append("it has nothing yet")
        return check
    parts: dict[str, dict[Key, Struct]] = {}
    for part in PRODUCT_TOTAL_PARTS:
        ends = dict(totals.covered.get(part.topic, {}))
        table = tables.open(str(BY_NAME[part.topic].lake)) if ends else None
        state = table.at(part.topic, ends) if table is not None else None
        if ends and state is None:
            check.notes.append(f"not compared: no version of the table of {part.topic} ends where it does")
            return check
        parts[part.name] = _states(state, part.topic) if state is not None else {}
    _compare(check, _added_up(parts), _rows(totals, ProductTotalState))
    return check


def _states(table: Table, topic: str) -> dict[Key, Struct]:
    return _rows(table, BY_NAME[topic].value)


def _rows(table: Table, record: type[Struct]) -> dict[Key, Struct]:
    return {
        tuple(row[name] for name in PRODUCT_TOTAL_KEY): convert(row, record)
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
