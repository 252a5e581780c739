"""Adjustments against those that must exist. Their ids are not defined by the rules, so they are matched by content."""

from collections import Counter
from collections.abc import Iterable

from smartstore.contracts.outputs import Adjustment
from smartstore.contracts.wire import from_epoch_ms
from smartstore.verify.differences import Check
from smartstore.verify.stock import Correction
from smartstore.verify.ticks import milliseconds


class CorrectionComparison:
    """Feed it each adjustment once, then `finish`."""

    def __init__(self, check: Check, expected: Iterable[Correction], until: int) -> None:
        """`until`: corrections with a tick below it are due (epoch ms)."""
        self._check, self._until = check, until
        self._expected = Counter(expected)
        self._found: Counter[Correction] = Counter()

    def record(self, adjustment: Adjustment) -> Correction:
        """Take one adjustment; returns its content."""
        self._check.compared += 1
        tick = milliseconds(adjustment.adjusted_at)
        content = Correction.of(adjustment, tick)
        self._found[content] += 1
        if self._found[content] > self._expected[content]:
            self._check.differs("should not exist", adjustment.adjustment_id, "nothing", _brief(content))
        elif adjustment.version != tick:
            self._check.differs("version differs", adjustment.adjustment_id, tick, adjustment.version)
        return content

    def finish(self) -> None:
        """Report the adjustments that are missing."""
        for content, count in self._expected.items():
            if content.tick < self._until:
                for _ in range(count - self._found[content]):
                    where = f"{content.store_id}/{content.shelf_id}"
                    self._check.differs("is missing", where, _brief(content), "nothing")


def _brief(content: Correction) -> str:
    lot = f" lot {content.batch_code}" if content.batch_code else ""
    moment = from_epoch_ms(content.tick).isoformat()
    return f"{content.cause} {content.quantity:+d} on {content.store_id}/{content.shelf_id}{lot} at {moment}"
