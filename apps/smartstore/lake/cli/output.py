"""How answers look: aligned columns for people, JSON for machines."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any


def columns_of_text(rows: Iterable[Mapping[str, Any]], *names: str) -> list[str]:
    """Chosen fields of the rows as aligned lines."""
    return table_lines(names, [tuple(row[name] for name in names) for row in rows])


def table_lines(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """A heading and one line per row; numbers stand to the right."""
    if not names:
        return []
    cells = [[_text(value) for value in row] for row in rows]
    widths = [max(len(name), *(len(row[n]) for row in cells), 0) for n, name in enumerate(names)]
    numeric = [
        bool(rows) and all(_is_number(row[n]) or row[n] is None for row in rows) for n in range(len(names))
    ]

    def line(values: Sequence[str]) -> str:
        padded = (
            value.rjust(width) if right else value.ljust(width)
            for value, width, right in zip(values, widths, numeric, strict=True)
        )
        return "  ".join(padded).rstrip()

    return [line([name.upper() for name in names]), *map(line, cells)]


def as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as a JSON list; times in ISO form, bytes as text where they are UTF-8."""
    return json.dumps(rows, default=_plain, ensure_ascii=False, indent=2)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, list | dict):
        return json.dumps(value, default=_plain, ensure_ascii=False)
    return str(_plain(value)) if isinstance(value, bytes | datetime) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        return moment.isoformat().replace("+00:00", "Z")
    return str(value)
