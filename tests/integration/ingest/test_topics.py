"""Topics on the real Kafka: created, altered, never shrunk."""

import time

import msgspec
import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]

from smartstore.contracts.topics import TOPICS
from smartstore.ingest.topics import TopicsError, ensure_topics

pytestmark = pytest.mark.integration


def test_created_altered_and_refused(bootstrap: str, topic_prefix: str) -> None:
    """The second call has nothing to do; a changed configuration is put right; another partition count is an error."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    created, altered = ensure_topics(admin, topic_prefix, 2, 1)
    assert (len(created), altered) == (len(TOPICS), [])
    admin.list_topics(timeout=10)
    assert ensure_topics(admin, topic_prefix, 2, 1) == ([], [])
    changed = [topic for topic in TOPICS if topic.name == "shelf_state"]
    other = [topic for topic in TOPICS if topic.name == "ledger"]
    name = topic_prefix + changed[0].name
    assert config_of(admin, name)["message.timestamp.type"] == "LogAppendTime"
    await_policy(admin, name, "compact")
    disguised = msgspec.structs.replace(changed[0], cleanup="delete")
    assert ensure_topics(admin, topic_prefix, 2, 1, [disguised, *other]) == ([], [name])
    await_policy(admin, name, "delete")
    assert ensure_topics(admin, topic_prefix, 2, 1) == ([], [name])
    await_policy(admin, name, "compact")
    with pytest.raises(TopicsError, match=r"has 2 partitions, 3 are wanted"):
        ensure_topics(admin, topic_prefix, 3, 1)
    for future in admin.delete_topics([topic_prefix + topic.name for topic in TOPICS]).values():
        future.result()


def config_of(admin: AdminClient, name: str) -> dict[str, str]:
    """A topic's configuration as the broker knows it."""
    (future,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name)]).values()
    return {key: entry.value for key, entry in future.result().items()}


def await_policy(admin: AdminClient, name: str, policy: str) -> None:
    """The broker learns of a change from the controller, a moment later."""
    give_up = time.monotonic() + 10
    while config_of(admin, name)["cleanup.policy"] != policy:
        assert time.monotonic() < give_up
        time.sleep(0.05)
