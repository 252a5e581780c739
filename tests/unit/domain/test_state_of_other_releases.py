"""A release reads the state of the one before it, and that of the one after it."""

from datetime import date

import msgspec
import pyarrow as pa

from smartstore.contracts import topics
from smartstore.domain.engine import JOBS, advance
from smartstore.domain.jobs import supplier_manager, wh_alert_engine
from smartstore.domain.state_codec import decode_state, encode_parts, pack_parts
from smartstore.domain.tick import Output
from tests.unit.domain.lines_of_a_store import (
    STORE,
    Lines,
    arrivals,
    count,
    each_batch,
    known_lot,
    lot,
    of,
    parameters,
    profile,
    run,
    tick_by_tick,
    wh_policy,
)

SOON = date(2026, 1, 3)

LATER_JOBS = (supplier_manager.NAME, wh_alert_engine.NAME)
"""What the first state of the hot application did not have."""
LATER_PARTS = ("catalog", f"{wh_alert_engine.NAME}/policies")
"""What a state may lack although all its jobs were there."""
LATER_RUNNER_FIELDS = ("cutoff_ms", "demand")
DUES_OF_THE_FIRST = 7


def lines() -> Lines:
    """A store whose back room is low."""
    opened = Lines().write(profile("A1"), count("A1", [lot("B1", 3)]), count("A1", [], location="warehouse"))
    return opened.ticks(1, 6)


def without_later_parts(parts: dict[str, bytes]) -> dict[str, bytes]:
    """The state as a release that knew nothing of them would have written it."""
    return {name: part for name, part in parts.items() if name not in LATER_PARTS}


def without_later_jobs(parts: dict[str, bytes]) -> dict[str, bytes]:
    """The state as a release without those jobs would have written it."""
    parts = without_later_parts(parts)
    runner = msgspec.msgpack.decode(parts["runner"])
    for name in LATER_RUNNER_FIELDS:
        del runner[name]
    runner["due"] = runner["due"][:DUES_OF_THE_FIRST]
    runner["counts"] = {job: one for job, one in runner["counts"].items() if job not in LATER_JOBS}
    kept = {name: part for name, part in parts.items() if name.split("/")[0] not in LATER_JOBS}
    return kept | {"runner": msgspec.msgpack.encode(runner)}


def with_more(parts: dict[str, bytes]) -> dict[str, bytes]:
    """The state as a later release might write it: another job, another column everywhere, another counter."""
    runner = msgspec.msgpack.decode(parts["runner"])
    runner["due"].append(0)
    runner["counts"]["price-optimiser"] = [1, 2, 3]
    runner["later"] = {"any": "thing"}
    more = {"price-optimiser": b"whatever", "runner": msgspec.msgpack.encode(runner)}
    for name, part in parts.items():
        if name in ("runner", "catalog") or name.endswith("/policies"):
            continue
        with pa.ipc.open_stream(part) as reader:
            batch, metadata = reader.read_next_batch(), reader.schema.metadata
        batch = batch.append_column("later", pa.nulls(batch.num_rows, pa.string()))
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema.with_metadata(metadata)) as writer:
            writer.write_batch(batch.replace_schema_metadata(metadata))
        more[name] = bytes(sink.getvalue())
    return parts | more


def test_the_state_of_an_earlier_release_is_read_and_its_new_jobs_begin() -> None:
    batches = iter(tick_by_tick(lines()))
    *_, (state, _) = each_batch(next(batches) for _ in range(4))
    read = decode_state(pack_parts(without_later_jobs(encode_parts(state))))
    assert len(read.counts) == len(JOBS)
    assert read.aggregator.book.balance.tolist() == state.aggregator.book.balance.tolist()
    assert read.alerts.plans.status.tolist() == state.alerts.plans.status.tolist()
    assert len(read.wh_alerts.plans.status) == 0

    outputs: list[Output] = []
    for batch in batches:
        taken = advance(
            STORE, read, {name: arrivals(one) for name, one in batch.items() if one}, parameters()
        )
        read, outputs = taken.state, outputs + taken.outputs
    (plan,) = of(outputs, topics.WH_SUPPLIER_PLAN)[:1]
    assert plan.status == "pending"


def test_a_state_without_later_parts_is_read_and_configuration_goes_on_from_there() -> None:
    state, _ = run(lines().write(wh_policy(6, reorder_point_qty=40), known_lot(6, "A1", "B1", SOON)).tick(7))
    parts = encode_parts(state)
    assert set(LATER_PARTS) <= set(parts)
    assert encode_parts(decode_state(pack_parts(parts))) == parts
    read = decode_state(pack_parts(without_later_parts(parts)))
    assert (dict(read.wh_alerts.policies), dict(read.catalog.rows)) == ({}, {})
    assert without_later_parts(encode_parts(read)) == without_later_parts(parts)


def test_the_state_of_a_later_release_is_read() -> None:
    state, _ = run(lines())
    read = decode_state(pack_parts(with_more(encode_parts(state))))
    assert encode_parts(read) == encode_parts(state)
