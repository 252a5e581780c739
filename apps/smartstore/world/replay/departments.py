"""Which recorded departments are goods on a shelf, and how long their goods keep."""

LONG_LIFE_DAYS = (180, 540)

LIFE_DAYS: dict[str, tuple[int, int]] = {
    "PRODUCE": (7, 14),
    "MEAT": (6, 12),
    "SEAFOOD": (5, 9),
    "DELI": (10, 21),
    "PASTRY": (5, 10),
    "FLORAL": (7, 14),
    "MEAT-PCKGD": (14, 40),
    "SEAFOOD-PCKGD": (30, 180),
    "FROZEN GROCERY": (90, 360),
    "GROCERY": LONG_LIFE_DAYS,
    "NUTRITION": LONG_LIFE_DAYS,
    "DRUG GM": (365, 1095),
    "COSMETICS": (365, 1095),
    "SPIRITS": (730, 1825),
    "GARDEN CENTER": (365, 1095),
    "TOYS": (1095, 1825),
    "HOUSEWARES": (1095, 1825),
    "AUTOMOTIVE": (1095, 1825),
}
"""Least and most days that delivered goods keep. Departments that are not named here (fuel, coupons, postal
services, meals …) sell nothing from a shelf."""

CATEGORY_LIFE_DAYS: dict[str, tuple[int, int]] = {
    "FLUID MILK PRODUCTS": (10, 18),
    "MILK BY-PRODUCTS": (10, 21),
    "REFRGRATD JUICES/DRNKS": (14, 35),
    "YOGURT": (14, 30),
    "EGGS": (18, 30),
    "CHEESE": (20, 60),
    "BAKED BREAD/BUNS/ROLLS": (7, 14),
    "BREAD": (5, 10),
    "REFRGRATD DOUGH PRODUCTS": (20, 45),
}
"""Product categories of long-life departments that keep less."""

NOT_ON_SHELF = frozenset({"COUPON/MISC ITEMS", "FUEL"})
"""Product categories that are booked under departments of goods."""


def life_days(department: str, category: str) -> tuple[int, int]:
    """Least and most days that goods of this kind keep after delivery."""
    return CATEGORY_LIFE_DAYS.get(category, LIFE_DAYS[department])
