"""Everything that must be there, put next to the tables and topics that must show it."""

from collections.abc import Callable
from dataclasses import dataclass

from smartstore.contracts import topics as contract
from smartstore.contracts.topics import Topic
from smartstore.verify.corrections import CorrectionComparison
from smartstore.verify.dead_letters import DeadLetterComparison
from smartstore.verify.differences import Check
from smartstore.verify.histories import Expected
from smartstore.verify.ledger_index import LedgerIndex
from smartstore.verify.replay import Truth

OUTPUTS = (
    contract.SHELF_STATE,
    contract.SHELF_BATCH_STATE,
    contract.WH_STATE,
    contract.WH_BATCH_STATE,
    contract.SHELF_RESTOCK_PLAN,
    contract.WH_SUPPLIER_PLAN,
    contract.SUPPLIER_ORDERS,
    contract.SUPPLIER_RECEIPTS,
    contract.POS_TRANSACTION_LINES,
    contract.ALERTS,
    contract.ADJUSTMENTS,
    contract.DEAD_LETTERS,
    contract.DAILY_DISCOUNTS,
    contract.SHELF_DAILY_FEATURES,
)


@dataclass(frozen=True)
class Expectations:
    """The truth at and around the acknowledged tick (epoch ms)."""

    index: LedgerIndex
    truth: Truth
    tick: int
    in_ledger: Callable[[str], bool]
    """Whether the ledger has an event of this id."""
    prefix: str
    """Of topic and stream names."""
    strangers: int = 0
    """How many events are not from the ledger."""

    @property
    def until(self) -> int:
        """Versions below this are due."""
        return self.tick + self.index.settings.source.tick_ms

    @property
    def faultless(self) -> bool:
        """Whether nothing may ever need an adjustment."""
        source = self.index.settings.source
        faults = source.faults
        planned = faults.malformed_pct + faults.duplicate_pct + faults.late_pct
        return not planned and not self.strangers and source.type != "External"

    def keyed(self) -> list[tuple[Topic, Expected]]:
        """The topics (and their tables) whose keys have a history."""
        truth = self.truth
        return [
            (contract.SHELF_STATE, truth.shelves),
            (contract.SHELF_BATCH_STATE, truth.lots),
            (contract.WH_STATE, truth.back_rooms),
            (contract.WH_BATCH_STATE, truth.back_lots),
            (contract.SHELF_RESTOCK_PLAN, truth.plans),
            (contract.WH_SUPPLIER_PLAN, truth.supplier_plans),
            (contract.SUPPLIER_ORDERS, truth.orders),
            (contract.SUPPLIER_RECEIPTS, truth.supplier_receipts),
            (contract.POS_TRANSACTION_LINES, truth.sales),
            (contract.ALERTS, truth.alerts),
            (contract.DAILY_DISCOUNTS, truth.discounts),
            (contract.SHELF_DAILY_FEATURES, truth.features),
        ]

    def skus(self) -> dict[tuple[str, str], str]:
        """The SKU of each (store, shelf)."""
        return {
            (history.store_id, history.shelf_id): history.profiles[-1][1].sku
            for _, history in self.truth.shelves.all()
        }

    def corrections(self, check: Check) -> CorrectionComparison:
        """A comparison of adjustments."""
        return CorrectionComparison(check, self.truth.corrections, self.until)

    def dead_letters(self, check: Check) -> DeadLetterComparison:
        """A comparison of dead letters."""
        index = self.index
        return DeadLetterComparison(
            check,
            index.refused,
            index.refused_due,
            self.truth.refusals,
            self.tick,
            self.in_ledger,
            self.prefix,
        )
