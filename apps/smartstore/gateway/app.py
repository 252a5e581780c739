"""The HTTP interface: routes, status codes, what a request goes through (docs/gateway.md)."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
from msgspec import MsgspecError, Struct
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from smartstore.contracts.topics import COMMANDS
from smartstore.contracts.wire import derived_id
from smartstore.gateway import openapi
from smartstore.gateway.admission import COMMAND_TOPICS, EVENT_TOPICS, TOPIC, Admission, Refused
from smartstore.gateway.body import JSON, BadBody, read_body, records_of
from smartstore.gateway.buffer import Buffer, BufferFull, BufferUnavailable
from smartstore.gateway.directory import FRESH_SECONDS, KeyDirectory, KeysUnavailable
from smartstore.gateway.keys import ValidKey
from smartstore.gateway.rate import RateLimit
from smartstore.gateway.telemetry import GatewayMetrics

EVENTS, COMMAND = "/v1/events", "/v1/commands"
MOST_AT_ONCE = 32
"""Requests with a body in work at once: it bounds the memory that bodies take."""
_RETRY_SECONDS = 5
_IDEMPOTENCY_KEY_LENGTH = 256
log = logging.getLogger("smartstore.gateway")


class Answer(Struct, frozen=True, omit_defaults=True):
    """The answer to records: counts, and an error for each bad one."""

    accepted: int
    refused: int
    errors: list[Refused] = []
    event_id: str | None = None
    """Of a command."""


class Gateway(Struct, frozen=True):
    """What the handlers work with."""

    stores: frozenset[str]
    """The stores before the first tick."""
    buffer: Buffer
    keys: KeyDirectory
    rate: RateLimit
    metrics: GatewayMetrics
    working: asyncio.Semaphore


class Turned(Exception):
    """A request that is answered as a whole with an error: status, reason, seconds until it may come again."""

    def __init__(self, status: int, reason: str, retry_after: int | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.retry_after = status, reason, retry_after


def build_app(gateway: Gateway) -> Starlette:
    """The application; its lifespan reads the keys and closes Redis."""
    document, page = openapi.document(), openapi.page()

    async def events(request: Request) -> Response:
        key = await _authorised(gateway, request)
        return await _in_turn(gateway, lambda: _post_events(gateway, key, request))

    async def commands(request: Request) -> Response:
        key = await _authorised(gateway, request)
        return await _in_turn(gateway, lambda: _post_command(gateway, key, request))

    async def schema(_request: Request) -> Response:
        return Response(document, media_type=JSON)

    async def docs(_request: Request) -> Response:
        return Response(page, media_type="text/html")

    async def healthz(_request: Request) -> Response:
        return Response("ok\n", media_type="text/plain")

    async def readyz(_request: Request) -> Response:
        return await _readiness(gateway)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        gateway.keys.start()
        yield
        gateway.keys.close()
        await gateway.buffer.close()

    return Starlette(
        routes=[
            Route(EVENTS, _measured(gateway.metrics, EVENTS, events), methods=["POST"]),
            Route(COMMAND, _measured(gateway.metrics, COMMAND, commands), methods=["POST"]),
            Route("/openapi.json", schema),
            Route("/docs", docs),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
        ],
        exception_handlers={HTTPException: _not_served},
        lifespan=lifespan,
    )


Handler = Callable[[Request], Awaitable[Response]]


def _measured(metrics: GatewayMetrics, path: str, handler: Handler) -> Handler:
    """The handler with its answers counted and timed."""

    async def measured(request: Request) -> Response:
        began = time.monotonic()
        status = 500
        try:
            response = await _answered(handler, request)
            status = response.status_code
        finally:
            metrics.answered(path, status, time.monotonic() - began)
        return response

    return measured


async def _answered(handler: Handler, request: Request) -> Response:
    try:
        return await handler(request)
    except Turned as turned:
        return _error(turned.status, turned.reason, turned.retry_after)
    except BadBody as bad:
        return _error(bad.status, str(bad))
    except BufferFull as full:
        return _error(429, str(full), _RETRY_SECONDS)
    except KeysUnavailable as away:
        log.warning("%s", away)
        return _error(503, str(away), _RETRY_SECONDS)
    except BufferUnavailable as away:
        log.warning("%s", away)
        # Whether Redis has the records is then unknown. Where it is, and what it said, is none of a till's business.
        return _error(503, "the buffer does not answer; send the same request again", _RETRY_SECONDS)
    except ClientDisconnect:
        return _error(400, "the connection was closed before the body was complete")


async def _authorised(gateway: Gateway, request: Request) -> ValidKey:
    scheme, _, presented = request.headers.get("authorization", "").partition(" ")
    key = await gateway.keys.find(presented.strip()) if scheme.lower() == "bearer" else None
    if key is None:
        raise Turned(401, "a valid key is needed: Authorization: Bearer sst_…; a revoked one is not valid")
    seconds = gateway.rate.seconds_to_wait(key.key_id)
    if seconds:
        raise Turned(429, f"this key has sent more than its rate allows; wait {seconds} s", seconds)
    gateway.rate.charge(key.key_id, 1)
    return key


async def _in_turn(gateway: Gateway, work: Callable[[], Awaitable[Response]]) -> Response:
    if gateway.working.locked():
        raise Turned(503, f"{MOST_AT_ONCE} requests are in work already", 1)
    async with gateway.working:
        return await work()


async def _post_events(gateway: Gateway, key: ValidKey, request: Request) -> Response:
    body = await read_body(request.stream(), _encoding(request))
    records = await asyncio.to_thread(records_of, body, _content_type(request))
    gateway.rate.charge(key.key_id, max(0, len(records) - 1))
    return _answer(await _let_in(gateway, key, records, commands=False))


async def _post_command(gateway: Gateway, key: ValidKey, request: Request) -> Response:
    if _content_type(request) != JSON:
        raise BadBody(415, f"Content-Type must be {JSON}: one command")
    body = await read_body(request.stream(), _encoding(request))
    command = _command(body, request.headers.get("idempotency-key"))
    answer = await _let_in(gateway, key, [msgspec.json.encode(command)], commands=True)
    event_id = command["event_id"] if isinstance(command["event_id"], str) else None
    return _answer(msgspec.structs.replace(answer, event_id=event_id))


def _command(body: bytes, idempotency_key: str | None) -> dict[str, object]:
    """The command with its `event_id`: its own, else one derived from store and Idempotency-Key.

    A command is never without: only by its id can a repeat be told from a second command.
    """
    try:
        command: dict[str, object] = msgspec.json.decode(body, type=dict[str, object])
    except (MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadBody(400, f"the body is not one command as a JSON object: {error}") from None
    if "event_id" not in command:
        if not idempotency_key or len(idempotency_key) > _IDEMPOTENCY_KEY_LENGTH:
            raise BadBody(
                400,
                "a command needs an `event_id`, or a header Idempotency-Key of at most "
                f"{_IDEMPOTENCY_KEY_LENGTH} characters to derive it from",
            )
        command["event_id"] = derived_id("command", command.get("store_id"), idempotency_key)
    return {**command, TOPIC: COMMANDS.name}


async def _let_in(gateway: Gateway, key: ValidKey, records: list[bytes], *, commands: bool) -> Answer:
    """Judge the records and write the good ones; the answer comes after Redis has confirmed them."""
    state = await gateway.buffer.state()
    gateway.metrics.set_lengths(state.lengths)
    stores = gateway.stores if state.stores is None else state.stores
    admission = Admission(key, stores, state.now, COMMAND_TOPICS if commands else EVENT_TOPICS)
    accepted, refused = await asyncio.to_thread(admission.judge_all, records)
    state.demand_room(accepted)
    await gateway.buffer.append(accepted)
    gateway.metrics.accepted(accepted)
    gateway.metrics.refused(refused)
    return Answer(len(accepted), len(refused), refused)


async def _readiness(gateway: Gateway) -> Response:
    """200 while Redis and Postgres are reachable, else 503 with the one that is not."""
    try:
        await gateway.buffer.ping()
    except BufferUnavailable as away:
        log.warning("%s", away)
        return _error(503, "Redis does not answer")
    if gateway.keys.age() > FRESH_SECONDS:
        return _error(503, "Postgres does not answer: the keys cannot be read")
    return Response("ready\n", media_type="text/plain")


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _encoding(request: Request) -> str:
    return request.headers.get("content-encoding", "").strip().lower()


def _answer(answer: Answer) -> Response:
    return Response(msgspec.json.encode(answer), 422 if answer.refused else 202, media_type=JSON)


def _error(status: int, reason: str, retry_after: int | None = None) -> Response:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(msgspec.json.encode({"error": reason}), status, headers, JSON)


async def _not_served(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    reason = f"use POST {EVENTS} or POST {COMMAND}; /docs says how"
    response = _error(status, reason)
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    return response
