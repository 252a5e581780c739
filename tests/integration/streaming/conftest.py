"""The hot application against the shared Kafka."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.streaming.hot_process import Hot


@pytest.fixture
def new_hot(bootstrap: str, topic_prefix: str, tmp_path: Path) -> Iterator[Callable[..., Hot]]:
    """A factory of applications for this test's topics, each name with a directory of its own."""
    made: list[Hot] = []

    def make(name: str = "hot", **variables: str) -> Hot:
        made.append(Hot(bootstrap, topic_prefix, tmp_path / name, **variables))
        return made[-1]

    yield make
    for hot in made:
        hot.end()
