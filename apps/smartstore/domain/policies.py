"""Which alert policy holds for each shelf (docs/stock-rules.md, Alerts)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from smartstore.contracts.events import ShelfPolicy
from smartstore.contracts.settings import PlanningSettings
from smartstore.domain.shelves import FloatArray, IntArray, ObjectArray, Shelves

_OLDEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Limits:
    """The limits in force, one element per shelf."""

    threshold_pct: FloatArray
    min_qty: IntArray
    near_expiry_days: IntArray


def resolve(
    policies: Mapping[str, ShelfPolicy], shelves: Shelves, store_id: str, planning: PlanningSettings
) -> Limits:
    """Per field, the most specific active policy that sets it wins; else the planning default.

    Policies are laid on from the least to the most specific, so a later one overwrites.
    """
    limits = Limits(
        threshold_pct=np.full(len(shelves), planning.threshold_pct, np.float64),
        min_qty=np.full(len(shelves), planning.min_qty, np.int64),
        near_expiry_days=np.full(len(shelves), planning.near_expiry_days, np.int64),
    )
    categories, subcategories = np.array(shelves.categories, object), np.array(shelves.subcategories, object)
    mine = (p for p in policies.values() if p.active and p.store_id in (None, store_id))
    for policy in sorted(mine, key=_rank):
        where = _scope(policy, shelves, categories, subcategories)
        if policy.threshold_pct is not None:
            limits.threshold_pct[where] = policy.threshold_pct
        if policy.min_qty is not None:
            limits.min_qty[where] = policy.min_qty
        if policy.near_expiry_days is not None:
            limits.near_expiry_days[where] = policy.near_expiry_days
    return limits


def _rank(policy: ShelfPolicy) -> tuple[int, bool, datetime, str]:
    if policy.shelf_id is not None:
        scope = 3
    elif policy.item_subcategory is not None:
        scope = 2
    else:
        scope = 1 if policy.item_category is not None else 0
    return scope, policy.store_id is not None, policy.updated_at or _OLDEST, policy.policy_id


def _scope(
    policy: ShelfPolicy, shelves: Shelves, categories: ObjectArray, subcategories: ObjectArray
) -> IntArray:
    """Indices of the shelves a policy speaks of: all of its scope fields must match."""
    mask = np.ones(len(shelves), np.bool_)
    if policy.shelf_id is not None:
        mask[:] = False
        if policy.shelf_id in shelves.index:
            mask[shelves.index[policy.shelf_id]] = True
    if policy.item_category is not None:
        mask &= categories == policy.item_category
    if policy.item_subcategory is not None:
        mask &= subcategories == policy.item_subcategory
    return np.flatnonzero(mask)
