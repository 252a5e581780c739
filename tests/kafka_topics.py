"""Topics for tests that write to them at once."""

import time
from collections.abc import Iterable

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic


def create_topics(bootstrap: str, topics: Iterable[NewTopic]) -> None:
    """Create the topics and wait until every partition has a leader, five looks in a row.

    A producer that meets a topic while its metadata still comes and goes can lose its first records (it then reports
    them as delivered, without an offset). Make the producer after this call.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap})
    wanted = admin.create_topics(list(topics))
    for future in wanted.values():
        future.result(30)
    deadline, settled = time.monotonic() + 30, 0
    while settled < 5:
        known = admin.list_topics(timeout=10).topics
        led = all(
            name in known
            and known[name].partitions
            and all(p.leader >= 0 for p in known[name].partitions.values())
            for name in wanted
        )
        settled = settled + 1 if led else 0
        assert time.monotonic() < deadline, "the new topics get no leaders"
        time.sleep(0.2)
