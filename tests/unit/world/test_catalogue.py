"""The simulated range, against the counts it was made to have."""

from collections import Counter

import pytest

from smartstore.world.simulation.catalogue import PERISHABLE, Sku, nominal_catalogue, skus_of

SKUS = {
    "BEVERAGES": 52,
    "SPIRITS AND APERITIFS": 32,
    "BEERS": 28,
    "WINES": 72,
    "LONG-LIFE DAIRY": 20,
    "HOUSEHOLD GOODS": 23,
    "BATH AND PERSONAL CARE": 147,
    "LAUNDRY PRODUCTS": 31,
    "HOUSE CLEANING PRODUCTS": 57,
    "BABY PRODUCTS": 36,
    "FRUITS AND VEGETABLES": 57,
    "LONG-LIFE FRUIT": 26,
    "SWEETS AND BREAKFAST": 116,
    "FLOURS AND SUGAR": 19,
    "PASTA AND RICE": 49,
    "GLUTEN FREE": 15,
    "BREAD AND BREADSTICKS": 32,
    "HOT BEVERAGES": 37,
    "SAUCES": 16,
    "PASTA SAUCES": 18,
    "SPICES": 10,
    "VINEGAR AND OIL": 18,
    "SAVORY SNACKS": 15,
    "PET PRODUCTS": 33,
    "CANNED GOODS": 59,
    "REFRIGERATED": 49,
    "FROZEN": 31,
    "MEAT": 34,
    "FISH": 10,
}


@pytest.fixture(scope="module")
def skus() -> list[Sku]:
    return skus_of(42, 0.15)


def test_nominal_catalogue() -> None:
    catalogue = nominal_catalogue()
    assert sum(row.skus for row in catalogue) == 6700
    assert len({row.name for row in catalogue}) == 274
    assert list(dict.fromkeys(row.category for row in catalogue)) == list(SKUS)
    water = catalogue[0]
    assert (water.name, water.store_range, water.warehouse_range) == ("Water", (20, 78), (200, 650))
    assert (water.price_range_cents, water.weights) == ((50, 250), "500/750/1000/1500/2000")


def test_default_range_has_1142_skus_by_category(skus: list[Sku]) -> None:
    assert len(skus) == 1142
    assert Counter(sku.category for sku in skus) == SKUS
    assert sum(sku.category in PERISHABLE for sku in skus) == 181
    assert [sku.aisle for sku in skus] == sorted(sku.aisle for sku in skus)


def test_shelf_ids_are_unique_and_readable(skus: list[Sku]) -> None:
    assert skus[0].shelf_id == "BEVWAT0001"
    assert len({sku.shelf_id for sku in skus}) == 1142


def test_capacities_hold_whole_batches(skus: list[Sku]) -> None:
    for sku in skus:
        assert sku.capacity >= sku.batch_size
        assert sku.warehouse_capacity >= 2 * sku.batch_size
        assert sku.warehouse_capacity % sku.batch_size == 0
        assert 0.05 <= sku.visibility <= 0.2
        assert sku.price_cents >= 50
    assert sum(sku.capacity for sku in skus) / 1142 == pytest.approx(48.1, abs=3)
    assert sum(sku.warehouse_capacity for sku in skus) / 1142 == pytest.approx(306.2, abs=20)


def test_range_depends_on_the_seed(skus: list[Sku]) -> None:
    assert skus_of(42, 0.15) == skus
    assert skus_of(43, 0.15) != skus


def test_full_scale_is_the_nominal_count() -> None:
    assert len(skus_of(1, 1.0)) == 6700
