"""What the user sees: a summary for people, or JSON."""

from datetime import UTC, datetime

import msgspec

from smartstore.contracts.wire import from_epoch_ms
from smartstore.verify.differences import Check, Difference
from smartstore.verify.verification import Outcome


def total_differences(checks: list[Check]) -> int:
    """All differences, including those not kept."""
    return sum(check.total for check in checks)


def as_text(outcome: Outcome, seconds: float) -> str:
    """The tick, a line per check, each difference on a line, the verdict."""
    lines = [
        f"verified {outcome.stores} stores at tick {_moment(outcome.tick)}",
        f"{outcome.truth} read up to {_moment(outcome.ledger_tick)}; took {seconds:.1f} s",
    ]
    return "\n".join([*lines, checks_as_text(outcome.checks)])


def checks_as_text(checks: list[Check]) -> str:
    """A line per check, each difference on a line, the verdict."""
    lines = []
    for check in checks:
        result = f"{check.total:,} differences" if check.total else "ok"
        lines.append(f"  {check.name:<32} {check.compared:>12,} compared  {result}")
        lines += [f"      note: {note}" for note in check.notes]
        lines += [f"      {_line(difference)}" for difference in check.differences]
        lines += [
            f"      … and {total - Check.KEPT:,} more: {kind}"
            for kind, total in check.kinds().items()
            if total > Check.KEPT
        ]
    total = total_differences(checks)
    lines.append(f"{total:,} DIFFERENCES" if total else "CLEAN")
    return "\n".join(lines)


def as_json(outcome: Outcome, seconds: float) -> str:
    """{verdict, tick, truth, ledger_tick, stores, checks, seconds}; a check has {name, compared, total, kinds, notes,
    differences}.
    """
    return checks_as_json(
        outcome.checks,
        seconds,
        tick=_moment(outcome.tick),
        truth=outcome.truth,
        ledger_tick=_moment(outcome.ledger_tick),
        stores=outcome.stores,
    )


def checks_as_json(checks: list[Check], seconds: float, **about: object) -> str:
    """{verdict, checks, seconds} and what else there is to say about them."""
    return msgspec.json.encode(
        {
            "verdict": "differences" if total_differences(checks) else "clean",
            **about,
            "checks": [
                {
                    "name": check.name,
                    "compared": check.compared,
                    "total": check.total,
                    "kinds": check.kinds(),
                    "notes": check.notes,
                    "differences": check.differences,
                }
                for check in checks
            ],
            "seconds": round(seconds, 1),
        }
    ).decode()


def cannot_as_json(reason: str) -> str:
    """The machine form when nothing could be compared."""
    return msgspec.json.encode({"verdict": "cannot verify", "reason": reason, "checks": []}).decode()


def _line(difference: Difference) -> str:
    return f"{difference.what}: {difference.where}: expected {difference.expected}, found {difference.found}"


def _moment(milliseconds: int) -> str:
    moment: datetime = from_epoch_ms(milliseconds).astimezone(UTC)
    return moment.isoformat().replace("+00:00", "Z")
