"""`staging/shelf_refill_pending`: goods on their way to a shelf, from the table that keeps the restock plans."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from smartstore.contracts.lake import (
    REFILL_PENDING_KEY,
    REFILL_PENDING_PATH,
    REFILL_PENDING_TOPIC,
    RefillPending,
)
from smartstore.contracts.topics import BY_NAME
from smartstore.lake.derived import Derived


class PendingRefills(Derived):
    """A row while goods of a plan are on their way."""

    path = REFILL_PENDING_PATH
    record = RefillPending
    key = REFILL_PENDING_KEY
    ended = "s.quantity <= 0"
    topics = (REFILL_PENDING_TOPIC,)

    def rows_of(self, keys: DataFrame) -> DataFrame:
        """What was issued and is not delivered, of each of these plans."""
        plans = self._store.frame(str(BY_NAME[REFILL_PENDING_TOPIC].lake))
        return keys.join(plans, list(self.key)).select(
            *self.key,
            "shelf_id",
            (f.col("issued_qty") - f.col("delivered_qty")).alias("quantity"),
            "updated_at",
            "version",
        )
