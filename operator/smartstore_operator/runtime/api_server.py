"""The API server over HTTP: what the operator asks of it, and nothing more.

Objects are dictionaries as the API server has them. Children are written by server-side apply, under one name.
"""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self

import aiohttp
import msgspec
from kubernetes.client import Configuration

from smartstore_operator.reconcile.cluster import MANAGER, RequestRefused
from smartstore_operator.reconcile.kinds import KINDS
from smartstore_operator.runtime.access import access, bearer
from smartstore_operator.runtime.metadata import Change, Page

AGENT = "smartstore-operator"
"""Who asks, in the audit log of the API server."""

_SECONDS = 30.0
_CONNECTIONS = 20
_WATCH_SECONDS, _CLIENT_SECONDS = 240, 300.0
"""The server ends a watch before the client would give it up: a watch that is dead without saying so is found."""
_PAGE = 500
_LONGEST_LINE = 2**20
"""Bytes of an event: annotations may have 256 KiB, and their escapes."""
_METADATA = "application/json;as=PartialObjectMetadata{};v=v1;g=meta.k8s.io"
_SERVED_SECONDS = 30.0
_TRIES, _LONGEST_WAIT = 4, 60.0
"""How often a request is sent that the API server wants to have later, and how long it may put us off each time."""


class ApiError(Exception):
    """A request has failed; the message is the API server's own where it has answered."""

    def __init__(
        self,
        what: str,
        status: int,
        reason: str,
        message: str,
        causes: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(f"{what}: {message}")
        self.status, self.reason, self.causes = status, reason, causes

    @property
    def is_ending(self) -> bool:
        """Whether the namespace is being deleted, and everything in it."""
        return "NamespaceTerminating" in self.causes


class ApiRefusal(ApiError, RequestRefused):
    """What was asked for cannot be: another value is needed, not another try."""


class ApplyConflict(ApiError):
    """Fields that we ask for belong to other managers; the message names managers and fields."""


class ApiUnreachable(ApiError):
    """No answer, or not in time: whether the request was carried out is unknown. The status is 0."""

    def __init__(self, what: str, error: Exception) -> None:
        super().__init__(what, 0, "Unreachable", str(error) or f"no answer: {type(error).__name__}")


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    retry_after: str
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


class ApiServer:
    """A connection pool to one API server; use as an async context manager.

    What the API server puts off with `Retry-After` is asked for again then; until then nothing else is asked for.
    """

    def __init__(self, session: aiohttp.ClientSession, found: Configuration) -> None:
        self._session, self._found = session, found
        self._served: dict[str, tuple[frozenset[str], float]] = {}
        self._quiet_until = 0.0
        self.called: Callable[[str, str], None] = _unheard
        """Hears the verb and the status code of every request; `0` is one without an answer."""

    @classmethod
    def from_environment(cls, connections: int = _CONNECTIONS) -> Self:
        """As `access` finds it; at most so many requests at once, 0 for any number.

        Raises:
            kubernetes.config.ConfigException: it finds nothing.
        """
        found = access()
        context = ssl.create_default_context(cafile=found.ssl_ca_cert)
        if found.cert_file:
            context.load_cert_chain(found.cert_file, found.key_file)
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, limit=connections),
            timeout=aiohttp.ClientTimeout(total=_SECONDS),
            headers={"User-Agent": AGENT},
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=_LONGEST_LINE,
        )
        return cls(session, found)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def apply(self, manifest: Mapping[str, Any], *, force: bool = False) -> dict[str, Any]:
        """Server-side apply; the object as it is then. `force` takes fields over from other managers.

        Raises:
            ApplyConflict: another manager has a field with another value, and `force` is not set.
            ApiError: the API server refused.
        """
        meta = manifest["metadata"]
        path = _path(manifest["kind"], meta.get("namespace"), meta["name"])
        return await self._apply(path, manifest, force=force)

    async def apply_status(self, manifest: Mapping[str, Any]) -> None:
        """Server-side apply of the status subresource; what it no longer names of what we wrote before goes.

        Raises:
            ApiError: the API server refused.
        """
        meta = manifest["metadata"]
        path = f"{_path(manifest['kind'], meta['namespace'], meta['name'])}/status"
        await self._apply(path, manifest, force=True)

    async def create(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Create an object that must not be there yet.

        Raises:
            ApiError: it is there (409), or the API server refused.
        """
        path = _path(manifest["kind"], manifest["metadata"].get("namespace"))
        return await self._ask("POST", path, params={"fieldManager": MANAGER}, json=manifest)

    async def replace(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Replace an object that must still have the manifest's `resourceVersion`.

        Raises:
            ApiError: it has changed (409), or the API server refused.
        """
        meta = manifest["metadata"]
        path = _path(manifest["kind"], meta.get("namespace"), meta["name"])
        return await self._ask("PUT", path, json=manifest)

    async def get(self, kind: str, namespace: str | None, name: str) -> dict[str, Any] | None:
        """The object, None if there is none.

        Raises:
            ApiError: the API server refused.
        """
        try:
            return await self._ask("GET", _path(kind, namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def list(self, kind: str, namespace: str | None, labels: Mapping[str, str]) -> list[dict[str, Any]]:
        """All objects of a kind with these labels; of all namespaces if `namespace` is None.

        Raises:
            ApiError: the API server refused.
        """
        version, _ = KINDS[kind]
        parameters = {"labelSelector": ",".join(f"{name}={value}" for name, value in labels.items())}
        answer = await self._ask("GET", _path(kind, namespace), params=parameters)
        # the items of a list come without their kind
        return [{"apiVersion": version, "kind": kind, **item} for item in answer["items"]]

    async def metadata(self, kind: str, namespace: str | None, labels: str, token: str = "") -> Page:
        """A page of the list of a kind, of each object its metadata alone; `token`: what the page before said.

        Raises:
            ApiError: the API server refused; 410: it has forgotten the pages before.
        """
        parameters = {"labelSelector": labels, "limit": str(_PAGE), "continue": token}
        path, headers = _path(kind, namespace), {"Accept": _METADATA.format("List")}
        answer = await self._answer("GET", path, params=parameters, headers=headers)
        try:
            return msgspec.json.decode(answer.body, type=Page)
        except msgspec.DecodeError as error:
            raise ApiError(f"GET {path}", answer.status, "NoList", f"no list: {error}") from error

    async def watch(
        self, kind: str, namespace: str | None, labels: str, version: str
    ) -> AsyncGenerator[Change, None]:
        """What happens after a version, of each object its metadata alone; some minutes long.

        Raises:
            ApiError: the API server refused, or was cut off.
        """
        what = f"watch {_path(kind, namespace)}"
        parameters = {
            "labelSelector": labels,
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        headers, timeout = {"Accept": _METADATA.format("")}, aiohttp.ClientTimeout(total=_CLIENT_SECONDS)
        try:
            async with self._request(
                "GET", _path(kind, namespace), headers, params=parameters, timeout=timeout
            ) as response:
                self.called("WATCH", str(response.status))
                if response.status >= HTTPStatus.BAD_REQUEST:
                    answer = await _read(response)
                    raise _error(what, answer, _content(answer) or {})
                async for line in response.content:
                    yield msgspec.json.decode(line, type=Change)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:  # or in the middle of a line
            raise ApiUnreachable(what, error) from error

    async def serves(self, kind: str) -> bool:
        """Whether the API server has this kind, as it was at most half a minute ago.

        Raises:
            ApiError: the API server refused.
        """
        version, plural = KINDS[kind]
        plurals, until = self._served.get(version, (frozenset(), 0.0))
        if time.monotonic() >= until:
            plurals = await self._plurals(version)
            self._served[version] = plurals, time.monotonic() + _SERVED_SECONDS
        return plural in plurals

    async def _plurals(self, version: str) -> frozenset[str]:
        try:
            answer = await self._ask("GET", _root(version))
        except ApiError as error:
            if error.status == 404:
                return frozenset()
            raise
        return frozenset(resource["name"] for resource in answer["resources"])

    async def delete(self, kind: str, namespace: str | None, name: str) -> None:
        """Delete an object and, in the background, what belongs to it; that it is gone already is fine.

        Raises:
            ApiError: the API server refused.
        """
        try:
            parameters = {"propagationPolicy": "Background"}
            await self._ask("DELETE", _path(kind, namespace, name), params=parameters)
        except ApiError as error:
            if error.status != 404:
                raise

    async def _apply(self, path: str, manifest: Mapping[str, Any], *, force: bool) -> dict[str, Any]:
        parameters = {"fieldManager": MANAGER, "force": str(force).lower()}
        headers = {"Content-Type": "application/apply-patch+yaml"}
        return await self._ask("PATCH", path, params=parameters, headers=headers, json=manifest)

    async def _ask(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """The JSON object that the API server answers."""
        answer = await self._answer(method, path, **request)
        content = _content(answer)
        if content is None:
            what = f"{method} {path}"
            raise ApiError(what, answer.status, "NoObject", f"no JSON object: {answer.text[:200]}")
        return content

    async def _answer(self, method: str, path: str, **request: Any) -> _Answer:
        """What the API server answers that is no refusal."""
        clock = asyncio.get_running_loop()
        for _ in range(_TRIES):
            while (wait := self._quiet_until - clock.time()) > 0:
                await asyncio.sleep(wait)
            answer = await self._send(method, path, **request)
            put_off = _put_off(answer)
            if put_off is None:
                break
            self._quiet_until = max(self._quiet_until, clock.time() + put_off)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise _error(f"{method} {path}", answer, _content(answer) or {})
        return answer

    async def _send(self, method: str, path: str, **request: Any) -> _Answer:
        try:
            async with self._request(method, path, **request) as response:
                answer = await _read(response)
        except (aiohttp.ClientError, TimeoutError) as error:
            self.called(method, "0")
            raise ApiUnreachable(f"{method} {path}", error) from error
        self.called(method, str(answer.status))
        return answer

    def _request(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **request: Any
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        header = bearer(self._found)
        authorization = {"Authorization": header} if header else {}
        return self._session.request(
            method, f"{self._found.host}{path}", headers={**authorization, **(headers or {})}, **request
        )


def _unheard(_verb: str, _code: str) -> None:
    """Nobody counts the requests."""


def _path(kind: str, namespace: str | None, name: str | None = None) -> str:
    version, plural = KINDS[kind]
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"{_root(version)}{within}/{plural}" + (f"/{name}" if name else "")


def _root(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


async def _read(response: aiohttp.ClientResponse) -> _Answer:
    return _Answer(response.status, response.headers.get("Retry-After", ""), await response.read())


def _put_off(answer: _Answer) -> float | None:
    """For how many seconds the API server wants to be left alone: it has too much to do, or is about to end."""
    wait, is_error = answer.retry_after, answer.status >= HTTPStatus.BAD_REQUEST
    return min(float(wait), _LONGEST_WAIT) if is_error and wait.isdigit() else None


def _content(answer: _Answer) -> dict[str, Any] | None:
    """The JSON object of an answer; None for anything else, such as the page of a proxy."""
    try:
        content = json.loads(answer.body)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _error(what: str, answer: _Answer, content: Mapping[str, Any]) -> ApiError:
    """The error that a `Status` object, or something else that is no answer of an API server, tells of."""
    reason = str(content.get("reason", answer.status))
    message = str(content.get("message", answer.text[:500]))
    details = content.get("details") or {}
    causes = frozenset(cause.get("reason", "") for cause in details.get("causes") or [])
    kind = ApplyConflict if "FieldManagerConflict" in causes else ApiError
    if answer.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY):
        kind = ApiRefusal
    return kind(what, answer.status, reason, message, causes)
