"""Which policy holds for each shelf (docs/stock-rules.md, Policies)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import numpy as np

from smartstore.contracts.events import ConfigKind, Policy, ShelfPolicy, StoreConfig, WhPolicy
from smartstore.contracts.settings import PlanningSettings
from smartstore.domain.shelves import FloatArray, IntArray, ObjectArray, Shelves

P = TypeVar("P", bound=Policy)

_OLDEST = datetime.min.replace(tzinfo=UTC)
NO_REORDER_POINT = -1


@dataclass(frozen=True)
class Limits:
    """The limits in force, one element per shelf."""

    threshold_pct: FloatArray
    min_qty: IntArray
    near_expiry_days: IntArray


def with_changes(
    policies: Mapping[str, P], config: Sequence[StoreConfig], kind: ConfigKind
) -> Mapping[str, P]:
    """The policies of one kind after a tick's configuration; the same object when there is nothing new."""
    changes = [row for row in config if row.kind == kind]
    if not changes:
        return policies
    held = dict(policies)
    for row in changes:
        policy: P = getattr(row, kind)
        if row.op == "delete":
            held.pop(policy.policy_id, None)
        else:
            held[policy.policy_id] = policy
    return held


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
    for policy, where in _in_force(policies, shelves, store_id):
        if policy.threshold_pct is not None:
            limits.threshold_pct[where] = policy.threshold_pct
        if policy.min_qty is not None:
            limits.min_qty[where] = policy.min_qty
        if policy.near_expiry_days is not None:
            limits.near_expiry_days[where] = policy.near_expiry_days
    return limits


def reorder_point(policies: Mapping[str, WhPolicy], shelves: Shelves, store_id: str) -> IntArray:
    """Units in the back room below which each shelf's goods are ordered; −1 where no active policy sets any."""
    points = np.full(len(shelves), NO_REORDER_POINT, np.int64)
    for policy, where in _in_force(policies, shelves, store_id):
        if policy.reorder_point_qty is not None:
            points[where] = policy.reorder_point_qty
    return points


def _in_force(policies: Mapping[str, P], shelves: Shelves, store_id: str) -> Iterator[tuple[P, IntArray]]:
    """The active policies of the store from the least to the most specific, with the indices of their shelves."""
    categories, subcategories = np.array(shelves.categories, object), np.array(shelves.subcategories, object)
    mine = (p for p in policies.values() if p.active and p.store_id in (None, store_id))
    for policy in sorted(mine, key=_rank):
        yield policy, _scope(policy, shelves, categories, subcategories)


def _rank(policy: Policy) -> tuple[int, bool, datetime, str]:
    if policy.shelf_id is not None:
        scope = 3
    elif policy.item_subcategory is not None:
        scope = 2
    else:
        scope = 1 if policy.item_category is not None else 0
    return scope, policy.store_id is not None, policy.updated_at or _OLDEST, policy.policy_id


def _scope(policy: Policy, shelves: Shelves, categories: ObjectArray, subcategories: ObjectArray) -> IntArray:
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
