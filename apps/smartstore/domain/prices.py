"""Percent and cents in whole numbers: shares are basis points, 10,000 to a whole (docs/stock-rules.md, Discounts)."""

from decimal import ROUND_HALF_UP, Decimal

WHOLE = 10_000


def basis_points(pct: float) -> int:
    """A share in percent, to two decimals, half up."""
    return int((Decimal(str(pct)) * 100).quantize(Decimal(1), ROUND_HALF_UP))


def percent(points: int) -> float:
    """Basis points as percent."""
    return points / 100


def compounded(first: int, second: int) -> int:
    """Two reductions one after the other, in basis points, half up."""
    left = (WHOLE - first) * (WHOLE - second)
    return (WHOLE * WHOLE - left + WHOLE // 2) // WHOLE


def reduction(cents: int, points: int) -> int:
    """What comes off a price in cents, half up."""
    return (cents * points + WHOLE // 2) // WHOLE
