"""The lake's tables beyond what their topics say: those that are no copy of one topic, and how far each one goes."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from smartstore.contracts.fields import Count, Id, Record, ShelfId, StoreId, Timestamp, Units, Version


class ProductTotalState(Record, frozen=True, kw_only=True):
    """All units of one shelf's SKU in one store, wherever they are; null where no state is known."""

    store_id: StoreId
    shelf_id: ShelfId
    units_on_shelf: Count | None
    units_in_back_room: Count | None
    total_stock: Count
    """`units_on_shelf` + `units_in_back_room`, unknown ones counted as none."""
    updated_at: Timestamp
    """The newer of the two states' times."""
    version: Version
    """The larger of the two states' versions."""


class RefillPending(Record, frozen=True, kw_only=True):
    """Goods of one restock plan that have left the back room and do not lie on the shelf yet."""

    store_id: StoreId
    plan_id: Id
    shelf_id: ShelfId
    quantity: Units
    """The plan's `issued_qty` less its `delivered_qty`."""
    updated_at: Timestamp
    """Of the plan's state that says so."""
    version: Version


REFILL_PENDING_PATH = "staging/shelf_refill_pending"
REFILL_PENDING_KEY = ("store_id", "plan_id")
REFILL_PENDING_TOPIC = "shelf_restock_plan"
"""The topic of the plans; its table has their states."""


class Part(Struct, frozen=True, kw_only=True):
    """One addend of a total: `column` of the table that keeps the state topic `topic`.

    `columns` are names in order of preference; the first that the topic's record has is taken.
    """

    name: str
    topic: str
    columns: Annotated[tuple[str, ...], Meta(min_length=1)]


PRODUCT_TOTAL_PATH = "curated/product_total_state"
PRODUCT_TOTAL_KEY = ("store_id", "shelf_id")
PRODUCT_TOTAL_PARTS = (
    Part(name="units_on_shelf", topic="shelf_state", columns=("current_stock",)),
    Part(name="units_in_back_room", topic="wh_state", columns=("current_stock", "wh_current_stock")),
)
"""A part whose topic is not declared stays null."""


Covered = Mapping[str, Mapping[int, int]]
"""Last offset that a table covers, by topic and partition; a partition that is absent has nothing covered."""
COVERED_IN = "userMetadata"
"""Where a commit of a table says so."""
_COVERS = "smartstore_covers"


def encode_covered(covered: Covered) -> str:
    """The text that goes into a commit."""
    return msgspec.json.encode({_COVERS: covered}).decode()


def decode_covered(text: str | None) -> Covered | None:
    """What a commit says; None when it is not one of ours."""
    if not text or _COVERS not in text:
        return None
    try:
        return msgspec.json.decode(text, type=dict[str, dict[str, dict[int, int]]])[_COVERS]
    except (msgspec.DecodeError, KeyError):
        return None
