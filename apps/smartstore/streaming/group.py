"""What runs in Spark's Python workers: one store's rows of one micro-batch, through the engine."""

from collections.abc import Iterator
from time import perf_counter
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from smartstore.contracts import topics
from smartstore.contracts.wire import encode, key_of
from smartstore.domain.engine import JOBS, Advanced, Parameters, StoreState, advance
from smartstore.domain.lines import Arrivals
from smartstore.domain.state_codec import decode_state, encode_parts, job_bytes, pack_parts
from smartstore.domain.tick import Output
from smartstore.streaming.origin import Origin


class JobStatistics(msgspec.Struct, frozen=True):
    """What one job of one store did in one micro-batch."""

    job: str
    seconds: float
    events_in: int
    events_out: int
    dropped: int
    state_rows: int
    state_bytes: int
    tick_ms: int


class StoreResult(msgspec.Struct, frozen=True):
    """All that one store yields in one micro-batch; travels to the driver as one value."""

    store_id: str
    records: int
    late: int
    repeats: int
    state_bytes: int
    open: bool
    """Whether the store is open."""
    outputs: list[Output]
    """In the order to publish."""
    jobs: list[JobStatistics]


_ENCODER = msgspec.msgpack.Encoder()
RESULT_DECODER = msgspec.msgpack.Decoder(StoreResult)

_known_states: dict[str, tuple[bytes, StoreState]] = {}
"""Decoded states of this worker by store, with the bytes they stand for: equal bytes need no second decoding."""


class StoreGroup:
    """The function Spark calls for each store that has rows in a micro-batch."""

    def __init__(self, parameters: Parameters, application: str, origin: Origin) -> None:
        self._parameters, self._application, self._origin = parameters, application, origin

    def __call__(
        self, key: tuple[str], frames: Iterator[pd.DataFrame], spark_state: Any
    ) -> Iterator[pd.DataFrame]:
        """One call per store and micro-batch; keeps the state, yields one `StoreResult` as bytes."""
        store_id = key[0]
        frame = pd.concat(list(frames), ignore_index=True)
        blob = bytes(spark_state.get[0]) if spark_state.exists else self._origin.state(store_id)
        state = _load(store_id, blob)
        advanced = advance(store_id, state, arrivals_by_line(frame), self._parameters, perf_counter)
        size = len(blob or b"")
        parts: dict[str, bytes] = {}
        if blob is None or not advanced.idle:
            parts = encode_parts(advanced.state)
            blob = pack_parts(parts)
            size = len(blob)
            spark_state.update((blob,))
            _known_states[store_id] = (blob, advanced.state)
        result = _result(self._application, store_id, state, advanced, parts, size, len(frame))
        yield pd.DataFrame({"result": [_ENCODER.encode(result)]})


def arrivals_by_line(frame: pd.DataFrame) -> dict[str, Arrivals]:
    """The rows by topic in partition order. Columns: topic, offset, value (bytes), position, is_tick."""
    arrivals = {}
    for topic, rows in frame.groupby("topic", sort=False):
        order = np.argsort(rows["offset"].to_numpy(), kind="stable")
        arrivals[str(topic)] = Arrivals(
            values=rows["value"].to_numpy()[order].tolist(),
            positions=rows["position"].to_numpy(np.int64)[order],
            is_tick=rows["is_tick"].to_numpy(np.bool_)[order],
        )
    return arrivals


def _load(store_id: str, blob: bytes | None) -> StoreState:
    if blob is None:
        return StoreState()
    known = _known_states.get(store_id)
    if known is not None and known[0] == blob:
        return known[1]
    state = decode_state(blob)
    _known_states[store_id] = (blob, state)
    return state


def _result(
    application: str,
    store_id: str,
    before: StoreState,
    advanced: Advanced,
    parts: dict[str, bytes],
    size: int,
    records: int,
) -> StoreResult:
    after = advanced.state
    outputs = list(advanced.outputs)
    jobs = []
    for place, status in enumerate(advanced.status):
        old, new = before.counts[place], after.counts[place]
        state_bytes = job_bytes(parts, JOBS[place])
        row = msgspec.structs.replace(status, application=application, state_bytes=state_bytes)
        outputs.append(Output(topics.JOB_STATUS.name, key_of(topics.JOB_STATUS.key, row), encode(row)))
        jobs.append(
            JobStatistics(
                job=JOBS[place],
                seconds=advanced.seconds[place],
                events_in=new.events_in - old.events_in,
                events_out=new.events_out - old.events_out,
                dropped=new.dropped - old.dropped,
                state_rows=status.state_rows,
                state_bytes=state_bytes,
                tick_ms=after.taken_ms,
            )
        )
    return StoreResult(
        store_id=store_id,
        records=records,
        late=after.late - before.late,
        repeats=after.repeats - before.repeats,
        state_bytes=size,
        open=after.open,
        outputs=outputs,
        jobs=jobs,
    )
