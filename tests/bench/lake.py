"""How fresh is the lake, and in how many files does it lie? Read from the tables themselves."""

import json
from pathlib import Path

import pyarrow.parquet as pq
from deltalake import DeltaTable

SAMPLED_TABLE = "raw/shelf_events"
"""Append only, so that each row is written once and its file's commit is when it could be read first."""


def ages(tables: Path) -> list[float]:
    """Seconds from Kafka taking a record in to the commit that made it readable, for every row of the sampled table."""
    table = tables / SAMPLED_TABLE
    found: list[float] = []
    for log in sorted((table / "_delta_log").glob("*.json")):
        actions = [json.loads(line) for line in log.read_text().splitlines()]
        committed = next(a["commitInfo"]["timestamp"] for a in actions if "commitInfo" in a) / 1000
        for action in actions:
            if "add" in action and action["add"]["dataChange"]:
                rows = pq.read_table(table / action["add"]["path"], columns=["kafka_timestamp"])
                found += [committed - moment.timestamp() for moment in rows.column(0).to_pylist()]
    return found


def files_by_table(tables: Path) -> dict[str, int]:
    """Data files that the current version of each table consists of."""
    logs = sorted(tables.glob("*/*/_delta_log"))
    return {str(log.parent.relative_to(tables)): len(DeltaTable(log.parent).file_uris()) for log in logs}
