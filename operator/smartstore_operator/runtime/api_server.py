"""The API server over HTTP: what the operator asks of it, and nothing more.

Objects are dictionaries as the API server has them. Children are written by server-side apply, under one name.
"""

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, Self

import httpx
from kubernetes.client import Configuration

from smartstore_operator.reconcile.cluster import MANAGER, RequestRefused
from smartstore_operator.reconcile.kinds import KINDS
from smartstore_operator.runtime.access import access, bearer

_SECONDS = 30.0
_SERVED_SECONDS = 30.0
_TRIES, _LONGEST_WAIT = 4, 60.0
"""How often a request is sent that the API server wants to have later, and how long it may put us off each time."""


class ApiError(Exception):
    """The API server refused a request; the message is its own."""

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


class ApiServer:
    """A connection pool to one API server; use as an async context manager.

    What the API server puts off with `Retry-After` is asked for again then; until then nothing else is asked for.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._served: dict[str, tuple[frozenset[str], float]] = {}
        self._quiet_until = 0.0
        self.called: Callable[[str, str], None] = _unheard
        """Hears the verb and the status code of every request; `0` is one without an answer."""

    @classmethod
    def from_environment(cls) -> Self:
        """As `access` finds it.

        Raises:
            kubernetes.config.ConfigException: it finds nothing.
        """
        found = access()
        context = ssl.create_default_context(cafile=found.ssl_ca_cert)
        if found.cert_file:
            context.load_cert_chain(found.cert_file, found.key_file)
        limits = httpx.Limits(max_connections=20, max_keepalive_connections=20)
        client = httpx.AsyncClient(
            base_url=found.host,
            verify=context,
            timeout=_SECONDS,
            limits=limits,
            auth=_Token(found),
            trust_env=False,
        )
        return cls(client)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

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
        return await self._ask(
            "PATCH", path, params=parameters, headers=headers, content=json.dumps(manifest)
        )

    async def _ask(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        what, clock = f"{method} {path}", asyncio.get_running_loop()
        for _ in range(_TRIES):
            while (wait := self._quiet_until - clock.time()) > 0:
                await asyncio.sleep(wait)
            response = await self._send(method, path, **request)
            put_off = _put_off(response)
            if put_off is None:
                break
            self._quiet_until = max(self._quiet_until, clock.time() + put_off)
        content = _content(response)
        if not response.is_success:
            raise _error(what, response, content)
        if content is None:
            raise ApiError(what, response.status_code, "NoObject", f"no JSON object: {response.text[:200]}")
        return content

    async def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            response = await self._client.request(method, path, **request)
        except httpx.HTTPError:
            self.called(method, "0")
            raise
        self.called(method, str(response.status_code))
        return response


class _Token(httpx.Auth):
    """The bearer token."""

    def __init__(self, found: Configuration) -> None:
        self._found = found

    def auth_flow(self, request: httpx.Request) -> Any:
        if header := bearer(self._found):
            request.headers["Authorization"] = header
        yield request


def _unheard(_verb: str, _code: str) -> None:
    """Nobody counts the requests."""


def _path(kind: str, namespace: str | None, name: str | None = None) -> str:
    version, plural = KINDS[kind]
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"{_root(version)}{within}/{plural}" + (f"/{name}" if name else "")


def _root(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _put_off(response: httpx.Response) -> float | None:
    """For how many seconds the API server wants to be left alone: it has too much to do, or is about to end."""
    wait = response.headers.get("Retry-After", "")
    return min(float(wait), _LONGEST_WAIT) if response.is_error and wait.isdigit() else None


def _content(response: httpx.Response) -> dict[str, Any] | None:
    """The JSON object of an answer; None for anything else, such as the page of a proxy."""
    try:
        content = response.json()
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _error(what: str, response: httpx.Response, content: Mapping[str, Any] | None) -> ApiError:
    status = content or {}
    reason = str(status.get("reason", response.reason_phrase))
    message = str(status.get("message", response.text[:500]))
    details = status.get("details") or {}
    causes = frozenset(cause.get("reason", "") for cause in details.get("causes") or [])
    kind = ApplyConflict if "FieldManagerConflict" in causes else ApiError
    if response.status_code in (400, 422):
        kind = ApiRefusal
    return kind(what, response.status_code, reason, message, causes)
