"""Which policy decides for a shelf, field by field (docs/stock-rules.md, Alerts)."""

from msgspec import Struct

from smartstore.contracts.events import ShelfPolicy, ShelfProfile
from smartstore.contracts.settings import PlanningSettings
from smartstore.verify.ticks import EPOCH


class Limits(Struct, frozen=True):
    """What holds for one shelf."""

    threshold_pct: float
    min_qty: int
    near_expiry_days: int


def limits_for(
    store_id: str, profile: ShelfProfile, policies: list[ShelfPolicy], planning: PlanningSettings
) -> Limits:
    """The limits of a shelf: each field from the most specific active policy that sets it, else the default."""
    applicable = [p for p in policies if p.active and _applies(p, store_id, profile)]
    applicable.sort(key=_rank, reverse=True)
    threshold = next(
        (p.threshold_pct for p in applicable if p.threshold_pct is not None), planning.threshold_pct
    )
    minimum = next((p.min_qty for p in applicable if p.min_qty is not None), planning.min_qty)
    days = next(
        (p.near_expiry_days for p in applicable if p.near_expiry_days is not None), planning.near_expiry_days
    )
    return Limits(threshold, minimum, days)


def _applies(policy: ShelfPolicy, store_id: str, profile: ShelfProfile) -> bool:
    return (
        policy.store_id in (None, store_id)
        and policy.shelf_id in (None, profile.shelf_id)
        and policy.item_category in (None, profile.item_category)
        and policy.item_subcategory in (None, profile.item_subcategory)
    )


def _rank(policy: ShelfPolicy) -> tuple[int, bool, float, str]:
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
