"""What every topic needs so that records keep their order and repeats can be told."""

import pytest

from smartstore.contracts.derive.columns import columns_of
from smartstore.contracts.topics import LINES, TOPICS, Topic
from smartstore.contracts.wire import murmur2, partition_of

pytestmark = pytest.mark.unit
OF_STORES = tuple(topic for topic in TOPICS if topic.by_store)


@pytest.mark.parametrize("topic", LINES, ids=lambda topic: topic.name)
def test_every_fact_can_be_recognised_and_put_in_order(topic: Topic) -> None:
    """No record of a source line is without its id, its store and its time."""
    required = {column.name for column in columns_of(topic.value) if column.required}
    assert {"event_id", "store_id", "timestamp"} <= required


@pytest.mark.parametrize("topic", OF_STORES, ids=lambda topic: topic.name)
def test_no_record_is_without_a_key(topic: Topic) -> None:
    columns = {column.name: column for column in columns_of(topic.value)}
    assert topic.key
    assert not any(columns[name].nullable for name in topic.key)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_records_of_a_store_stay_in_order(topic: Topic) -> None:
    """Where the partition follows the store, the key begins with it, and never with a customer or a time."""
    assert (topic.key[0] == "store_id") == topic.by_store


def test_the_partition_is_the_one_kafka_gives_the_store() -> None:
    """Values of org.apache.kafka.common.utils.UtilsTest.testMurmur2."""
    expected = {"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536, "": 275646681}
    assert {text: murmur2(text.encode()) for text in expected} == {
        text: value & 0xFFFFFFFF for text, value in expected.items()
    }
    assert {partition_of(store, 7) for store in (f"s{n:04d}" for n in range(200))} == set(range(7))
