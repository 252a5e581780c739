"""Refused records: each broken one exactly once with its reason, and nothing refused without cause."""

from collections import Counter
from collections.abc import Callable, Iterable

from smartstore.contracts.outputs import DeadLetter
from smartstore.verify.differences import Check
from smartstore.verify.ledger_index import RefusedText
from smartstore.verify.replay import Refusal

TOO_OLD = "too_old"


class DeadLetterComparison:
    """Feed it each dead letter once, then `finish`."""

    def __init__(
        self,
        check: Check,
        texts: list[RefusedText],
        texts_due: int,
        refusals: Iterable[Refusal],
        tick: int,
        in_ledger: Callable[[str], bool],
        prefix: str,
    ) -> None:
        """The first `texts_due` of `texts` are due, and the refusals up to `tick` (epoch ms)."""
        self._check, self._in_ledger, self._prefix = check, in_ledger, prefix
        self._texts = Counter(_place(t) for t in texts)
        self._texts_due: Counter[tuple[str, ...]] = Counter(_place(t) for t in texts[:texts_due])
        self._too_old = {_place(t) for t in texts if t.too_old}
        refusals = list(refusals)
        self._refusals: Counter[tuple[str, ...]] = Counter(
            (r.store_id, r.event_id, r.reason) for r in refusals
        )
        self._refusals_due: Counter[tuple[str, ...]] = Counter(
            (r.store_id, r.event_id, r.reason) for r in refusals if r.tick <= tick
        )
        self._found: Counter[tuple[str, ...]] = Counter()
        self._strangers: Counter[str] = Counter()
        self.found_due: Counter[str] = Counter()
        """By line: due texts that were found."""

    def record(self, letter: DeadLetter) -> None:
        """Take one dead letter."""
        self._check.compared += 1
        line = letter.source.removeprefix(self._prefix)
        text = line, letter.value
        job = letter.store_id or "", letter.event_id or "", letter.reason.split(":")[0].strip()
        if not letter.reason:
            self._check.differs("has no reason", letter.dead_letter_id, "a reason", "none")
        if text in self._texts:
            self._found[text] += 1
            if self._found[text] > self._texts[text]:
                self._check.differs("refused twice", letter.dead_letter_id, "one dead letter", letter.value)
            elif self._found[text] <= self._texts_due[text]:
                self.found_due[line] += 1
            if text in self._too_old and not letter.reason.startswith(TOO_OLD):
                self._check.differs("other reason", letter.dead_letter_id, TOO_OLD, letter.reason)
        elif job in self._refusals:
            self._found[job] += 1
            if self._found[job] > self._refusals[job]:
                self._check.differs("refused twice", letter.dead_letter_id, "one dead letter", letter.value)
        elif letter.event_id is not None and self._in_ledger(letter.event_id):
            self._check.differs(
                "refused without cause", f"{line} {letter.position}", "accepted", letter.reason
            )
        else:
            self._strangers[letter.reason] += 1

    def finish(self) -> None:
        """Report what is missing, and note what others posted."""
        for due in (self._texts_due, self._refusals_due):
            for key, count in due.items():
                for _ in range(count - self._found[key]):
                    self._check.differs("is missing", " ".join(key[:-1]), key[-1], "nothing")
        if self._strangers:
            reasons = "; ".join(f"{count} × {reason}" for reason, count in self._strangers.most_common(3))
            self._check.notes.append(
                f"{self._strangers.total()} refused records are not from the ledger: {reasons}"
            )


def _place(text: RefusedText) -> tuple[str, str]:
    """Line and text, as a dead letter keeps it: Postgres cannot store NUL."""
    return text.line, text.text.replace("\0", "\\x00")
