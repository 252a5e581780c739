"""The API server over HTTP: what the operator asks of it, and nothing more.

Objects are dictionaries as the API server has them. Children are written by server-side apply, under one name.
"""

import json
import os
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, Self

import httpx
from kubernetes import config
from kubernetes.client import Configuration

from smartstore_operator.reconcile.cluster import RequestRefused
from smartstore_operator.reconcile.kinds import KINDS

MANAGER = "smartstore-operator"
_SECONDS = 30.0
_SERVED_SECONDS = 30.0


class ApiError(Exception):
    """The API server refused a request; the message is its own."""

    def __init__(
        self,
        what: str,
        status: int,
        reason: str,
        message: str,
        retry_after: float | None = None,
        causes: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(f"{what}: {message}")
        self.status, self.reason, self.retry_after, self.causes = status, reason, retry_after, causes

    @property
    def is_temporary(self) -> bool:
        """Whether the same request may work later."""
        return self.status == 429 or self.status >= 500

    @property
    def is_ending(self) -> bool:
        """Whether the namespace is being deleted, and everything in it."""
        return "NamespaceTerminating" in self.causes


class ApiRefusal(ApiError, RequestRefused):
    """What was asked for cannot be: another value is needed, not another try."""


class ApplyConflict(ApiError):
    """Fields that we ask for belong to other managers; the message names managers and fields."""


class ApiServer:
    """A connection pool to one API server; use as an async context manager."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._served: dict[str, tuple[frozenset[str], float]] = {}
        self.called: Callable[[str, str], None] = _unheard
        """Hears the verb and the status code of every request; `0` is one without an answer."""

    @classmethod
    def from_environment(cls) -> Self:
        """By `$KUBECONFIG` or `~/.kube/config`, else by the pod's service account.

        Raises:
            kubernetes.config.ConfigException: there is neither.
        """
        found = Configuration()
        # the library looks at the variable only once, when it is imported
        where = {"config_file": os.environ["KUBECONFIG"]} if "KUBECONFIG" in os.environ else {}
        if not where and "KUBERNETES_SERVICE_HOST" in os.environ:
            config.load_incluster_config(client_configuration=found)
        else:
            config.load_kube_config(client_configuration=found, **where)
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
        return await self._ask("POST", path, json=manifest)

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
        try:
            response = await self._client.request(method, path, **request)
        except httpx.HTTPError:
            self.called(method, "0")
            raise
        self.called(method, str(response.status_code))
        if response.is_success:
            return dict(response.json())
        raise _error(f"{method} {path}", response)


class _Token(httpx.Auth):
    """The bearer token, which a cluster renews in its file every hour."""

    def __init__(self, found: Configuration) -> None:
        self._found = found

    def auth_flow(self, request: httpx.Request) -> Any:
        token = self._found.get_api_key_with_prefix("BearerToken", "authorization")
        if token:
            request.headers["Authorization"] = token
        yield request


def _unheard(_verb: str, _code: str) -> None:
    """Nobody counts the requests."""


def _path(kind: str, namespace: str | None, name: str | None = None) -> str:
    version, plural = KINDS[kind]
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"{_root(version)}{within}/{plural}" + (f"/{name}" if name else "")


def _root(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _error(what: str, response: httpx.Response) -> ApiError:
    try:
        status = response.json()
    except ValueError:
        status = {}
    reason = str(status.get("reason", response.reason_phrase))
    message = str(status.get("message", response.text[:500]))
    wait = response.headers.get("Retry-After", "")
    causes = frozenset(cause.get("reason", "") for cause in status.get("details", {}).get("causes", []))
    kind = ApplyConflict if "FieldManagerConflict" in causes else ApiError
    if response.status_code in (400, 422):
        kind = ApiRefusal
    seconds = float(wait) if wait.isdigit() else None
    return kind(what, response.status_code, reason, message, seconds, causes)
