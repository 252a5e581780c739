"""The recomputation against the stock jobs themselves: two programs, one result."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from smartstore.contracts import topics
from smartstore.contracts.events import Command, StoreConfig, WhPolicy
from smartstore.contracts.settings import PlanningSettings, RunSettings, SimulationSettings, SourceSettings
from smartstore.contracts.wire import decoder, from_epoch_ms
from smartstore.domain.engine import Parameters
from smartstore.domain.memory import MemoryRunner
from smartstore.verify.replay import StoreReplay, Truth
from smartstore.world.model import Emission, JobFact, status_record
from smartstore.world.simulation.world import build_simulation

HOUR_MS = 3_600_000
STATUS_AT: dict[int, Literal["open", "closed"]] = {66: "closed", 70: "open", 92: "closed", 93: "open"}
"""The store closes for some hours before and after a cut-off (hours of the run)."""


POLICY_AT: dict[int, list[tuple[str, WhPolicy]]] = {
    20: [("upsert", WhPolicy(policy_id="much", reorder_point_qty=60))],
    50: [
        ("upsert", WhPolicy(policy_id="much", reorder_point_qty=90, item_category="BEERS")),
        ("upsert", WhPolicy(policy_id="little", reorder_point_qty=2, store_id="s0001")),
    ],
    80: [("delete", WhPolicy(policy_id="little"))],
}
"""Policies of the back room that people write and delete (hours of the run)."""


def settings(seed: int, execution: str) -> RunSettings:
    """A small store, six days from a Thursday noon on; few customers, so that some goods expire."""
    planning = PlanningSettings(execution=execution, delivery_weekdays=(0, 1, 3, 5))  # type: ignore[arg-type]
    simulation = SimulationSettings(range_scale=0.01, daily_customers=150)
    source = SourceSettings(
        type="Simulation", seed=seed, tick_ms=HOUR_MS, start_hour=12, days=6, simulation=simulation
    )
    return RunSettings(name="small", stores=1, source=source, planning=planning)


def commands_of(n: int, plans: dict[str, Any], tick_ms: int) -> Iterator[Command]:
    """Some plans are approved, some cancelled, some twice, some of them when it is too late."""
    for place, (plan_id, plan) in enumerate(sorted(plans.items())):
        if (place + n) % 7 == 0 and plan.status in ("pending", "issued"):
            yield Command(
                event_id=f"c{n}-{place}",
                store_id=plan.store_id,
                timestamp=from_epoch_ms(tick_ms - HOUR_MS + place),
                command="approve" if place % 3 == 0 else "cancel",
                plan_id=plan_id,
            )


def policies_of(n: int, tick_ms: int) -> Iterator[StoreConfig]:
    """The policies of an hour, as the source relays them."""
    for op, policy in POLICY_AT.get(n, []):
        yield StoreConfig(
            event_id=f"p{n}-{policy.policy_id}",
            store_id="s0001",
            timestamp=from_epoch_ms(tick_ms - HOUR_MS),
            kind="wh_policy",
            op=op,  # type: ignore[arg-type]
            wh_policy=policy,
        )


@pytest.mark.parametrize(("seed", "execution"), [(1, "Assumed"), (2, "Assumed"), (3, "Reported")])
def test_both_come_to_the_same_records(seed: int, execution: str) -> None:
    run = settings(seed, execution)
    world = build_simulation(run)
    jobs = MemoryRunner(Parameters(run.source.tick_ms, run.planning))
    truth = Truth()
    replay = StoreReplay("s0001", run.planning, truth, run.source.tick_ms)
    published: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    plans: dict[str, Any] = {}
    facts: list[JobFact] = []
    waiting = world.opening()
    hot = {topic.name for topic in topics.HOT_LINES}
    for n, tick in enumerate(range(world.start_ms + HOUR_MS, (world.end_ms or 0) + 1, HOUR_MS)):
        emissions = waiting + world.advance(tick, facts)
        waiting = []
        if n in STATUS_AT:
            emissions.append(Emission("store_config", status_record("s0001", STATUS_AT[n], tick - 1)))
        emissions += [Emission("store_config", row) for row in policies_of(n, tick)]
        emissions += [Emission("commands", command) for command in commands_of(n, plans, tick)]
        for emission in emissions:
            jobs.event(emission.line, emission.record)
            if emission.line in hot:
                replay.hold(tick, emission.record)  # type: ignore[arg-type]
        jobs.tick(tick, world.stores)
        replay.take(tick)
        facts = []
        for output in jobs.outputs:
            topic = topics.BY_NAME[output.topic]
            record = decoder(topic.value).decode(output.value)
            if output.fact:
                facts.append(JobFact(output.topic, record))
                assert truth.facts[record.event_id].record == record
            published[output.topic][output.key].append(record)
            if output.topic == "wh_supplier_plan":
                plans[record.supplier_plan_id] = record
        jobs.outputs.clear()
    assert {plan.status for plan in plans.values()} >= {"pending", "issued", "cancelled"}
    assert {plan.reorder_point for plan in plans.values()} >= {60, 90}
    expected = {
        topics.ALERTS: truth.alerts,
        topics.SHELF_RESTOCK_PLAN: truth.plans,
        topics.WH_SUPPLIER_PLAN: truth.supplier_plans,
        topics.SUPPLIER_ORDERS: truth.orders,
        topics.SUPPLIER_RECEIPTS: truth.supplier_receipts,
        topics.WH_STATE: truth.back_rooms,
        topics.WH_BATCH_STATE: truth.back_lots,
        topics.SHELF_BATCH_STATE: truth.lots,
        topics.DAILY_DISCOUNTS: truth.discounts,
        topics.SHELF_DAILY_FEATURES: truth.features,
    }
    for topic, keys in expected.items():
        recomputed = {
            "/".join(map(str, key)): [
                history.record(i) for i in range(len(history.versions)) if history.mandatory(i)
            ]
            for key, history in keys.all()
        }
        assert recomputed == dict(published[topic.name]), topic.name
    assert published["daily_discounts"]
    kinds = {record.alert_type for alerts in published["alerts"].values() for record in alerts}
    assert kinds >= {"near_expiry_discount", "expired_removal"}
    refused = {letter.event_id for letters in published["dead_letters"].values() for letter in letters}
    assert refused == {refusal.event_id for refusal in truth.refusals}
