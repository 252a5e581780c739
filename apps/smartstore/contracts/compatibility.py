"""Refuses contract changes that would break what reads or wrote a released version.

    python -m smartstore.contracts.compatibility check
    python -m smartstore.contracts.compatibility release [VERSION]

New code must read every record the released version could write, since Kafka, the ledger and Redis still hold them.
On a compacted topic old and new values stay side by side for ever and readers of both versions meet them, so there
released code must also read what new code writes. Rules that span fields (`__post_init__`) are not compared.
"""

import sys
from collections.abc import Iterator
from importlib.metadata import version as installed_version
from pathlib import Path

from smartstore.contracts.derive.columns import Column, ListOf, StructOf
from smartstore.contracts.snapshot import (
    Snapshot,
    TopicSnapshot,
    decode_snapshot,
    encode_snapshot,
    snapshot_of,
)
from smartstore.contracts.topics import TOPICS

RELEASED = Path(__file__).parent / "released"
_LOWER = ("ge", "gt", "min_length")
_UPPER = ("le", "lt", "max_length")


def violations(released: Snapshot, current: Snapshot) -> list[str]:
    """One line per change that the released version forbids; empty when `current` is compatible."""
    now = {topic.name: topic for topic in current.topics}
    return [line for topic in released.topics for line in _topic(topic, now.get(topic.name))]


def _topic(old: TopicSnapshot, new: TopicSnapshot | None) -> Iterator[str]:
    if new is None:
        yield f"{old.name}: the topic is gone"
        return
    if new.key != old.key:
        yield f"{old.name}: the key changed from {'/'.join(old.key)} to {'/'.join(new.key)}"
    if (old.cleanup, new.cleanup) == ("compact", "delete"):
        yield f"{old.name}: cleanup changed from compact to delete, old state would expire"
    if new.line != old.line:
        yield f"{old.name}: it {'became' if new.line else 'is no longer'} a source line"
    if new.by_store != old.by_store:
        yield f"{old.name}: the partition {'now follows' if new.by_store else 'no longer follows'} the store"
    if old.table is not None and new.table != old.table:
        yield f"{old.name}: its table changed from {old.table} to {new.table}"
    both_ways = "compact" in (old.cleanup, new.cleanup)
    yield from _columns(old.name, old.columns, new.columns, both_ways)


def _columns(path: str, old: tuple[Column, ...], new: tuple[Column, ...], both_ways: bool) -> Iterator[str]:
    now = {column.name: column for column in new}
    for column in old:
        if column.name not in now:
            yield f"{path}.{column.name}: the field was removed"
        else:
            yield from _column(f"{path}.{column.name}", column, now[column.name], both_ways)
    known = {column.name for column in old}
    for column in new:
        if column.name not in known and column.required:
            yield f"{path}.{column.name}: a new field must have a default"


def _column(path: str, old: Column, new: Column, both_ways: bool) -> Iterator[str]:
    yield from _type(path, old, new, both_ways)
    if old.nullable and not new.nullable:
        yield f"{path}: null is no longer allowed"
    if not old.required and new.required:
        yield f"{path}: the field became required"
    if not (old.required or new.required) and old.default != new.default:
        yield f"{path}: its default changed from {old.default!r} to {new.default!r}"
    for name in _lost(old, new):
        yield f"{path}: fewer values are allowed, {_change(name, old, new)}"
    if both_ways:
        yield from _unreadable_by_released(path, old, new)


def _unreadable_by_released(path: str, old: Column, new: Column) -> Iterator[str]:
    """What a reader of the released version would refuse."""
    reason = "released readers of this compacted topic would refuse them"
    if new.nullable and not old.nullable:
        yield f"{path}: nulls became allowed; {reason}"
    if old.required and not new.required:
        yield f"{path}: the field may now be missing; {reason}"
    for name in _lost(new, old):
        yield f"{path}: more values are allowed, {_change(name, old, new)}; {reason}"


def _type(path: str, old: Column, new: Column, both_ways: bool) -> Iterator[str]:
    match old.type, new.type:
        case ListOf(item=before), ListOf(item=after):
            yield from _column(f"{path}[]", before, after, both_ways)
        case StructOf(columns=before_columns), StructOf(columns=after_columns):
            yield from _columns(path, before_columns, after_columns, both_ways)
        case before_type, after_type if before_type != after_type:
            yield f"{path}: the type changed from {_name(old)} to {_name(new)}"


def _name(column: Column) -> str:
    match column.type:
        case ListOf():
            return "list"
        case StructOf():
            return "struct"
    return column.type


def _lost(wide: Column, narrow: Column) -> Iterator[str]:
    """Names of the rules by which `narrow` refuses something that `wide` allows; `choices` for the list of words."""
    if narrow.choices and narrow.type == wide.type and not set(wide.choices or ("",)) <= set(narrow.choices):
        yield "choices"
    if wide.choices:
        return  # its words are what it allows; bounds of the other side do not matter
    for name, value in narrow.limits.items():
        before = wide.limits.get(name)
        if before is None or _is_narrower(name, before, value):
            yield name


def _change(rule: str, old: Column, new: Column) -> str:
    if rule == "choices":
        return f"one of {_words(old)} became {_words(new)}"
    return f"{rule} {old.limits.get(rule, 'none')} became {new.limits.get(rule, 'none')}"


def _words(column: Column) -> str:
    return "|".join(column.choices) or "any text"


def _is_narrower(name: str, before: float | str, after: float | str) -> bool:
    if name in _LOWER:
        return float(after) > float(before)
    if name in _UPPER:
        return float(after) < float(before)
    return after != before  # patterns and steps: which one is wider cannot be told


def released_snapshots() -> list[Snapshot]:
    """All committed snapshots, oldest first."""
    found = [decode_snapshot(path.read_bytes()) for path in RELEASED.glob("*.json")]
    return sorted(found, key=lambda snapshot: _order(snapshot.version))


def _order(version: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in version.split("."))
    except ValueError:
        sys.exit(f"{version!r} is not a version: use numbers separated by dots, such as 0.2.0")


def check() -> list[str]:
    """Violations of the current contracts against the newest released version."""
    snapshots = released_snapshots()
    return violations(snapshots[-1], snapshot_of("current", TOPICS)) if snapshots else []


def release(version: str) -> Path:
    """Write the current contracts as the snapshot of `version`, replacing one of that version.

    Raises:
        SystemExit: they break the newest earlier release; the message has one line per violation.
    """
    current = snapshot_of(version, TOPICS)
    earlier = [s for s in released_snapshots() if _order(s.version) < _order(version)]
    found = violations(earlier[-1], current) if earlier else []
    if found:
        sys.exit("\n".join([*found, f"not released: incompatible with {earlier[-1].version}"]))
    path = RELEASED / f"{version}.json"
    RELEASED.mkdir(exist_ok=True)
    path.write_bytes(encode_snapshot(current))
    return path


def main(arguments: list[str]) -> None:
    """`check` exits 1 and prints one line per violation; `release` writes the snapshot."""
    match arguments:
        case ["check"]:
            found = check()
            if found:
                sys.exit("\n".join(found))
            _say("the contracts are compatible with the released ones")
        case ["release"]:
            _say(f"wrote {release(installed_version('smartstore'))}")
        case ["release", version]:
            _say(f"wrote {release(version)}")
        case _:
            sys.exit("usage: python -m smartstore.contracts.compatibility check | release [VERSION]")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
