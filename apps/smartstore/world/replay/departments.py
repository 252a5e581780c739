"""Which recorded departments are goods on a shelf, and how long their goods keep."""

LONG_LIFE_DAYS = 360

LIFE_DAYS: dict[str, int] = {
    "PRODUCE": 10,
    "MEAT": 9,
    "SEAFOOD": 7,
    "DELI": 15,
    "PASTRY": 7,
    "FLORAL": 10,
    "MEAT-PCKGD": 27,
    "SEAFOOD-PCKGD": 105,
    "FROZEN GROCERY": 225,
    "GROCERY": LONG_LIFE_DAYS,
    "NUTRITION": LONG_LIFE_DAYS,
    "DRUG GM": 730,
    "COSMETICS": 730,
    "SPIRITS": 1277,
    "GARDEN CENTER": 730,
    "TOYS": 1460,
    "HOUSEWARES": 1460,
    "AUTOMOTIVE": 1460,
}
"""How many days delivered goods keep. Departments that are not named here (fuel, coupons, postal
services, meals …) sell nothing from a shelf."""

CATEGORY_LIFE_DAYS: dict[str, int] = {
    "FLUID MILK PRODUCTS": 14,
    "MILK BY-PRODUCTS": 15,
    "REFRGRATD JUICES/DRNKS": 24,
    "YOGURT": 22,
    "EGGS": 24,
    "CHEESE": 40,
    "BAKED BREAD/BUNS/ROLLS": 10,
    "BREAD": 7,
    "REFRGRATD DOUGH PRODUCTS": 32,
}
"""Product categories of long-life departments that keep less."""

NOT_ON_SHELF = frozenset({"COUPON/MISC ITEMS", "FUEL"})
"""Product categories that are booked under departments of goods."""


def life_days(department: str, category: str) -> int:
    """How many days goods of this kind keep after delivery."""
    return CATEGORY_LIFE_DAYS.get(category, LIFE_DAYS[department])
