"""Outputs count as published when Kafka has confirmed every one of them, and not before."""

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError

from smartstore.contracts.brokers import Brokers
from smartstore.contracts.topics import SHELF_STATE
from smartstore.domain.tick import Output
from smartstore.streaming import publisher
from smartstore.streaming.group import StoreResult
from smartstore.streaming.publisher import Publisher, PublishError

pytestmark = pytest.mark.unit


class Answer:
    """What the client tells of one record."""

    def __init__(self, offset: int | None) -> None:
        self._offset = offset

    def offset(self) -> int | None:
        return self._offset

    def topic(self) -> str:
        return SHELF_STATE.name


class Client:
    """Stands in for the producer, since a real broker does not fail on demand; no answers: nobody was heard."""

    def __init__(self, *answers: tuple[KafkaError | None, int | None]) -> None:
        self._answers, self._sent = answers, 0
        self._told: Callable[..., None] | None = None

    def __call__(self, config: dict[str, Any]) -> "Client":
        self._told = config["on_delivery"]
        return self

    def produce(self, *_: object, **__: object) -> None:
        self._sent += 1

    def flush(self, _seconds: float) -> int:
        assert self._told is not None
        for error, offset in self._answers:
            self._told(error, Answer(offset))
        return self._sent - len(self._answers)


def publish(client: Client, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(publisher, "Producer", client)
    outputs = [Output(SHELF_STATE.name, f"s0001/A{n}", b"{}") for n in range(2)]
    result = StoreResult(
        "s0001", open=True, records=1, late=0, repeats=0, state_bytes=0, outputs=outputs, jobs=[]
    )
    return Publisher(Brokers("localhost:9092"), "", 1).publish([result])


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([(None, 0)], "Kafka confirmed 1 of 2 outputs: no answer in time"),
        ([(None, 0), (KafkaError(KafkaError.NOT_LEADER_FOR_PARTITION), None)], "Not leader"),
        ([(None, 0), (None, None)], "no offset for a record of shelf_state"),
        ([(None, 0), (None, -1001)], "no offset for a record of shelf_state"),
    ],
)
def test_what_kafka_did_not_confirm_is_not_published(
    answers: list[tuple[KafkaError | None, int | None]], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The micro-batch fails and is repeated."""
    with pytest.raises(PublishError, match=words):
        publish(Client(*answers), monkeypatch)


def test_what_kafka_confirmed_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    assert publish(Client((None, 0), (None, 1)), monkeypatch) == 2
