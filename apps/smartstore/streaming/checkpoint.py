"""What stands in a Spark checkpoint of the query: how far it has read, and the state of each store."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
from pyspark.sql import SparkSession

from smartstore.streaming.savepoint import Positions

_MANAGERS = "org.apache.spark.sql.execution.streaming.checkpointing"
LOCAL_FILES = {
    "spark.sql.streaming.checkpointFileManagerClass": f"{_MANAGERS}.FileSystemBasedCheckpointFileManager",
    "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
}
"""Spark configuration for a checkpoint on a local disk.

Without it each file of the checkpoint costs Hadoop some `readlink` and `chmod` processes, ten and more a micro-batch,
and has a checksum file beside it, which a kill between the two renames can leave with the wrong content. The states
carry checksums of their own (lz4 blocks).
"""


def exists(checkpoint: Path) -> bool:
    """Whether a query has begun to read there; before, it begins where it is told."""
    return any((checkpoint / "offsets").glob("[0-9]*"))


def last_batch(checkpoint: Path) -> int | None:
    """The last micro-batch that was committed; None before the first one."""
    commits = [int(path.name) for path in (checkpoint / "commits").glob("[0-9]*")]
    return max(commits, default=None)


def positions_after(checkpoint: Path, batch: int, prefix: str) -> Positions:
    """Where to read on after a committed micro-batch; `prefix` is that of the topics' names."""
    positions: Positions = {}
    # A line for the version, one about the batch, one for each source.
    for line in (checkpoint / "offsets" / str(batch)).read_text().splitlines()[2:]:
        offsets = msgspec.json.decode(line, type=Positions)
        positions |= {
            topic.removeprefix(prefix): dict(by_partition) for topic, by_partition in offsets.items()
        }
    return positions


def states_after(spark: SparkSession, checkpoint: Path, batch: int) -> Iterator[tuple[str, bytes]]:
    """Each store with its packed state after a committed micro-batch. No query may be running there."""
    frame = spark.read.format("statestore").option("batchId", batch).load(str(checkpoint))
    rows = frame.selectExpr("key.store_id AS store_id", "value.groupState.state AS state").toArrow()
    for batch_of_rows in rows.to_batches():
        yield from zip(
            batch_of_rows.column("store_id").to_pylist(),
            batch_of_rows.column("state").to_pylist(),
            strict=True,
        )
