"""Which policy decides for a shelf, field by field (docs/stock-rules.md, Policies)."""

from collections.abc import Iterable
from typing import TypeVar

from msgspec import Struct

from smartstore.contracts.events import Policy, ShelfPolicy, ShelfProfile, WhPolicy
from smartstore.contracts.settings import PlanningSettings
from smartstore.verify.ticks import EPOCH

P = TypeVar("P", bound=Policy)


class Limits(Struct, frozen=True):
    """What holds for one shelf."""

    threshold_pct: float
    min_qty: int
    near_expiry_days: int


def limits_for(
    store_id: str, profile: ShelfProfile, policies: list[ShelfPolicy], planning: PlanningSettings
) -> Limits:
    """The limits of a shelf: each field from the most specific active policy that sets it, else the default."""
    applicable = _most_specific_first(store_id, profile, policies)
    threshold = next(
        (p.threshold_pct for p in applicable if p.threshold_pct is not None), planning.threshold_pct
    )
    minimum = next((p.min_qty for p in applicable if p.min_qty is not None), planning.min_qty)
    days = next(
        (p.near_expiry_days for p in applicable if p.near_expiry_days is not None), planning.near_expiry_days
    )
    return Limits(threshold, minimum, days)


def reorder_point_for(store_id: str, profile: ShelfProfile, policies: Iterable[WhPolicy]) -> int | None:
    """The reorder point that the most specific active policy of the back room sets for a shelf's SKU, if any does."""
    applicable = _most_specific_first(store_id, profile, policies)
    return next((p.reorder_point_qty for p in applicable if p.reorder_point_qty is not None), None)


def _most_specific_first(store_id: str, profile: ShelfProfile, policies: Iterable[P]) -> list[P]:
    """The active policies that speak of a shelf."""
    return sorted(
        (p for p in policies if p.active and _applies(p, store_id, profile)), key=_rank, reverse=True
    )


def _applies(policy: Policy, store_id: str, profile: ShelfProfile) -> bool:
    return (
        policy.store_id in (None, store_id)
        and policy.shelf_id in (None, profile.shelf_id)
        and policy.item_category in (None, profile.item_category)
        and policy.item_subcategory in (None, profile.item_subcategory)
    )


def _rank(policy: Policy) -> tuple[int, bool, float, str]:
    """Larger is more specific."""
    if policy.shelf_id is not None:
        scope = 3
    elif policy.item_subcategory is not None:
        scope = 2
    elif policy.item_category is not None:
        scope = 1
    else:
        scope = 0
    updated = (policy.updated_at or EPOCH).timestamp()
    return scope, policy.store_id is not None, updated, policy.policy_id
