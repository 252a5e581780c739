"""What a checkpoint began from: the beginning of all lines, or a savepoint and its positions.

A savepoint is taken over store by store, when a store first has something to do. So the rows of the shard's stores lie
beside the checkpoint for as long as it lives, as a savepoint of one application.
"""

from functools import lru_cache
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, TopicPartition
from msgspec import structs

from smartstore.contracts.applications import HOT
from smartstore.contracts.brokers import Brokers, group_id
from smartstore.contracts.topics import HOT_LINES
from smartstore.process.kafka_errors import KafkaErrors
from smartstore.streaming import savepoint
from smartstore.streaming.savepoint import Positions, SavedStates
from smartstore.streaming.shard import Shard

_ANSWER_SECONDS = 15.0


class NoBeginning(Exception):
    """The application cannot begin without losing something; says what to do."""


class Origin:
    """The directory beside the checkpoint; empty when the checkpoint began at the beginning of all lines."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def is_savepoint(self) -> bool:
        """Whether the checkpoint began from a savepoint."""
        return any(self._directory.glob("*.json"))

    def adopt(self, wanted: Path, shard: Shard) -> None:
        """Take over the shard's stores from the savepoint `wanted`. Raises `SavepointError`."""
        summaries = savepoint.read_summaries(wanted)
        positions = {
            line: {number: offset for number, offset in offsets.items() if number in shard.own_partitions}
            for line, offsets in savepoint.merged_positions(summaries).items()
        }
        states = SavedStates(wanted).only(shard.has)
        summary = structs.replace(
            summaries[0], application=HOT, shards=1, stores=len(states), positions=positions
        )
        savepoint.write(self._directory, summary, sorted(states.items()))

    def positions(self) -> Positions:
        """Where to begin to read; empty = at the beginning of all lines."""
        return (
            savepoint.merged_positions(savepoint.read_summaries(self._directory)) if self.is_savepoint else {}
        )

    def state(self, store_id: str) -> bytes | None:
        """The packed state that a store begins with; None if it begins empty."""
        return _saved(self._directory).get(store_id) if self.is_savepoint else None

    def states(self) -> dict[str, bytes]:
        """The packed states of all stores."""
        return _saved(self._directory).only(lambda _: True) if self.is_savepoint else {}


@lru_cache(maxsize=1)
def _saved(directory: Path) -> SavedStates:
    return SavedStates(directory)


def demand_kept(positions: Positions, kept: Positions) -> None:
    """Make sure that nothing is missing between where a new checkpoint begins to read and what Kafka keeps.

    Raises:
        NoBeginning: names the first line that lacks something.
    """
    for line, offsets in kept.items():
        for partition, low in offsets.items():
            begin = positions.get(line, {}).get(partition, 0)
            if begin < low:
                what = "the savepoint reads on" if positions else "there is no checkpoint, so reading begins"
                raise NoBeginning(
                    f"{what} at offset {begin} of {line}, partition {partition}, but Kafka keeps it from {low} on: "
                    "begin from a newer savepoint by `smartstore savepoint restore`"
                )


def kept_by(brokers: Brokers, prefix: str, shard: Shard) -> Positions:
    """The first offset that the brokers keep of each partition of the shard; raises `NoBeginning` if they are away."""
    errors = KafkaErrors()
    consumer = Consumer(
        {**brokers.librdkafka(), "group.id": group_id(HOT), "error_cb": errors, "log_level": 2}
    )
    try:
        return {
            line.name: {
                number: int(
                    consumer.get_watermark_offsets(
                        TopicPartition(prefix + line.name, number), timeout=_ANSWER_SECONDS
                    )[0]
                )
                for number in shard.own_partitions
            }
            for line in HOT_LINES
        }
    except KafkaException as error:
        why = errors.why(consumer, error)
        raise NoBeginning(f"Kafka does not say what it keeps of the source lines: {why}") from None
    finally:
        consumer.close()
