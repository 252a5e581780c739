"""What becomes of each entry of a stream: an event to forward, a tick to fan out, or a refusal."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from msgspec import MsgspecError, Struct

from smartstore.contracts.events import Tick
from smartstore.contracts.outputs import DeadLetter
from smartstore.contracts.topics import Topic
from smartstore.contracts.wire import TICK_DECODER, decoder, encode, epoch_ms, partition_of
from smartstore.ingest.dedup import WINDOW_MS, bucket_of, digest
from smartstore.ingest.refusal import explain, refusal, unacceptable


class Forward(Struct, frozen=True, gc=False):
    """A good record; `digest` is empty where ids are not compared."""

    redis_id: bytes
    value: bytes
    key: str
    partition: int
    digest: bytes
    bucket: int


class FanOut(Struct, frozen=True):
    """A tick: one value for each partition that has some of its stores."""

    redis_id: bytes
    values: dict[int, bytes]


class Refuse(Struct, frozen=True):
    """An entry that goes to the dead letters."""

    redis_id: bytes
    letter: DeadLetter


Verdict = Forward | FanOut | Refuse


class Intake:
    """Judges the entries of one stream in order; holds the stream's clock (see `dedup`)."""

    def __init__(self, topic: Topic, partitions: int, clock_ms: int | None) -> None:
        """`clock_ms` as it stood when the last entry that will not come again was judged."""
        self.topic = topic
        self.clock_ms = clock_ms
        self._partitions = partitions
        self._decode = decoder(topic.value).decode
        self._key = _key_function(topic.key)
        self.compares_ids = topic.line
        """Elsewhere a record is known by its key and version, so that a repeat of it changes nothing."""
        self._ticked = topic.line and clock_ms is not None

    @property
    def lasting_clock_ms(self) -> int | None:
        """The clock to continue with after a restart; None while it only follows the events."""
        return self.clock_ms if self._ticked else None

    def judge(self, redis_id: bytes, fields: Sequence[bytes] | None) -> Verdict:
        """The verdict on the next entry; `fields` are its names and values in turn."""
        if fields is not None and len(fields) == 2:
            name, value = fields
            if name == b"data":
                return self._judge_data(redis_id, value)
            if name == b"tick" and self.topic.line:
                return self._judge_tick(redis_id, value)
        return self._refuse(
            redis_id,
            b" ".join(fields or ()),
            "malformed: an entry has the field `data`, or `tick` on a source line",
        )

    def _judge_data(self, redis_id: bytes, value: bytes) -> Verdict:
        reason = unacceptable(value)
        if reason:
            return self._refuse(redis_id, value, reason)
        try:
            record = self._decode(value)
        except (MsgspecError, UnicodeDecodeError) as error:
            reason, field = explain(error)
            return self._refuse(redis_id, value, reason, field)
        key = self._key(record)
        if not self.compares_ids:
            store = record.store_id if self.topic.by_store else key
            return Forward(redis_id, value, key, partition_of(store, self._partitions), b"", 0)
        moment = epoch_ms(record.timestamp)
        clock = self._clock_with(moment)
        if moment < clock - WINDOW_MS:
            reason = (
                "too_old: more than 24 hours behind the stream's clock, so that a repeat could not be told"
            )
            return self._refuse(redis_id, value, reason, "timestamp")
        if self._ticked and moment > clock + WINDOW_MS:
            reason = "too_early: more than 24 hours ahead of the stream's clock; it would be held until then"
            return self._refuse(redis_id, value, reason, "timestamp")
        return Forward(
            redis_id,
            value,
            key,
            partition_of(record.store_id, self._partitions),
            digest(record.store_id, record.event_id),
            bucket_of(clock),
        )

    def _clock_with(self, moment: int) -> int:
        """The clock at an event; before the first tick it follows the events."""
        if self.clock_ms is None or (not self._ticked and moment > self.clock_ms):
            self.clock_ms = moment
        return self.clock_ms

    def _judge_tick(self, redis_id: bytes, value: bytes) -> Verdict:
        try:
            tick = TICK_DECODER.decode(value)
        except (MsgspecError, UnicodeDecodeError) as error:
            reason, field = explain(error)
            return self._refuse(redis_id, value, reason, field)
        moment = epoch_ms(tick.tick)
        self.clock_ms = max(moment, self.clock_ms or moment) if self._ticked else moment
        self._ticked = True
        return FanOut(redis_id, self._split(tick))

    def _split(self, tick: Tick) -> dict[int, bytes]:
        """The tick for each partition, with that partition's stores only."""
        stores: dict[int, list[str]] = {}
        for store in tick.stores:
            stores.setdefault(partition_of(store, self._partitions), []).append(store)
        return {partition: encode(Tick(tick=tick.tick, stores=names)) for partition, names in stores.items()}

    def _refuse(self, redis_id: bytes, value: bytes, reason: str, field: str | None = None) -> Refuse:
        return Refuse(redis_id, refusal(self.topic.name, redis_id.decode(), value, reason, field))


def _key_function(fields: tuple[str, ...]) -> Any:
    """`wire.key_of` for one topic, several times as fast: it runs for every record."""
    if len(fields) == 1:
        get_one = attrgetter(fields[0])
        return lambda record: str(get_one(record))
    get = attrgetter(*fields)
    return lambda record: "/".join(map(str, get(record)))
