"""The recomputation and the stock jobs side by side: two codes for one set of rules, on the same lines of a store."""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple

from smartstore.contracts import topics
from smartstore.contracts.settings import PlanningSettings, RunSettings, SourceSettings
from smartstore.contracts.wire import TICK_DECODER, decoder, encode, epoch_ms
from smartstore.domain.tick import Output
from smartstore.verify.expectations import Expectations
from smartstore.verify.ledger import Ledger
from smartstore.verify.ledger_index import read_index
from smartstore.verify.replay import Replay
from smartstore.verify.table_checks import key_of
from tests.unit.domain.lines_of_a_store import STEP_MS, STORE, Lines, of, run


def ticks_of(lines: Lines) -> list[int]:
    """The ticks in the order written (epoch ms)."""
    entries = lines.entries[topics.COMMANDS.name]
    return [epoch_ms(TICK_DECODER.decode(value).tick) for value, _, is_tick in entries if is_tick]


def write_ledger(lines: Lines, directory: Path, settings: RunSettings) -> Ledger:
    """The same records and ticks in the same order."""
    written: list[dict[str, Any]] = [
        {"kind": "run", "settings": json.loads(encode(settings)), "stores": [STORE]}
    ]
    entries = [
        (place, name, value, is_tick)
        for name in lines.entries
        for value, place, is_tick in lines.entries[name]
    ]
    for _, name, value, is_tick in sorted(entries):
        if not is_tick:
            written.append({"kind": "event", "line": name, "data": json.loads(value)})
        elif name == topics.COMMANDS.name:  # a tick stands on every line
            written.append({"kind": "tick", **json.loads(value)})
    text = "".join(json.dumps({"seq": seq} | line) + "\n" for seq, line in enumerate(written))
    (directory / "00000000.jsonl").write_text(text)
    return Ledger(directory)


def by_version(records: list[Any], topic: topics.Topic) -> dict[Any, dict[int, Struct]]:
    """Key → version → record."""
    found: dict[Any, dict[int, Struct]] = defaultdict(dict)
    for record in records:
        found[key_of(topic, record)][record.version] = record
    return found


def _unlike(published: Struct | None, recomputed: Struct) -> str:
    """What is published and recomputed where it differs."""
    if published is None:
        return f"not published: {recomputed}"
    fields = zip(recomputed.__struct_fields__, astuple(published), astuple(recomputed), strict=True)
    return f"{recomputed}: " + ", ".join(f"{name} {one} ≠ {two}" for name, one, two in fields if one != two)


def demand_agreement(lines: Lines, rules: dict[str, Any], directory: Path) -> list[Output]:
    """Both must come to the same records, versions, facts and refusals; returns what the jobs published."""
    ticks = ticks_of(lines)
    settings = RunSettings(
        name="both", source=SourceSettings(tick_ms=STEP_MS), planning=PlanningSettings(**rules)
    )
    ledger = write_ledger(lines, directory, settings)
    index = read_index(ledger, ticks[-1], print)
    truth = Replay(index, ticks[-1]).run(ledger, [], print)
    _, outputs = run(lines, **rules)
    for topic, expected in Expectations(index, truth, ticks[-1], lambda _: True, "").keyed():
        published = by_version(of(outputs, topic), topic)
        for key, history in expected.all():
            versions = published.pop(key, {})
            for place, version in enumerate(history.versions):
                record = versions.pop(version, None)
                explained = record is None and not history.mandatory(place)
                assert record == history.record(place) or explained, _unlike(record, history.record(place))
            assert not versions, f"{topic.name} {key}: versions that nothing explains"
        assert not published, f"{topic.name}: keys that nothing explains"
    facts = [decoder(topics.BY_NAME[one.topic].value).decode(one.value) for one in outputs if one.fact]
    assert {fact.event_id: fact for fact in facts} == {
        event_id: fact.record for event_id, fact in truth.facts.items()
    }
    refused = Counter(
        (letter.event_id, letter.reason.split(":")[0]) for letter in of(outputs, topics.DEAD_LETTERS)
    )
    assert refused == Counter((one.event_id, one.reason) for one in truth.refusals)
    return outputs
