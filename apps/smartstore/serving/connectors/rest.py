"""Kafka Connect's REST interface, as far as the supervisor needs it."""

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

import httpx
from msgspec import Struct

TaskState = Literal["RUNNING", "FAILED", "PAUSED", "UNASSIGNED", "RESTARTING", "STOPPED", "DESTROYED"]


class Status(Struct, frozen=True, kw_only=True):
    """What one connector does: its own state, and state and error (first line) of each of its tasks."""

    connector: str
    tasks: tuple[tuple[str, str], ...]
    error: str = ""

    @property
    def is_running(self) -> bool:
        """Whether the connector and all its tasks run, of which there must be one."""
        return self.connector == "RUNNING" and bool(self.tasks) and all(s == "RUNNING" for s, _ in self.tasks)

    @property
    def is_stopped(self) -> bool:
        """Whether it was asked to end its tasks, and all have ended."""
        return self.connector == "STOPPED" and not self.tasks

    @property
    def failures(self) -> tuple[str, ...]:
        """The errors of what has failed."""
        own = (self.error,) if self.connector == "FAILED" else ()
        return own + tuple(error for state, error in self.tasks if state == "FAILED")


class ConnectUnavailable(RuntimeError):
    """Connect does not answer, or is electing its leader: try again later."""


class ConnectRefused(RuntimeError):
    """Connect refuses a configuration: it must be changed."""


class ConnectClient:
    """A client for one worker group; every method raises `ConnectUnavailable` while Connect cannot answer."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=httpx.Timeout(30.0, connect=3.0))

    def configurations(self) -> dict[str, dict[str, str]]:
        """Name → configuration of every connector there is."""
        answer = self._ask("GET", "/connectors", params={"expand": "info"})
        return {name: facts["info"]["config"] for name, facts in answer.items()}

    def statuses(self) -> dict[str, Status]:
        """Name → status of every connector that has one."""
        answer = self._ask("GET", "/connectors", params={"expand": "status"})
        return {name: _status(facts["status"]) for name, facts in answer.items()}

    def put(self, name: str, config: Mapping[str, str]) -> None:
        """Create the connector or change its configuration; raises `ConnectRefused` when Connect finds it wrong."""
        self._ask("PUT", f"/connectors/{quote(name, safe='')}/config", json=dict(config))

    def restart_failed(self, name: str) -> None:
        """Restart the connector, if it has failed, and its failed tasks."""
        self._ask(
            "POST",
            f"/connectors/{quote(name, safe='')}/restart",
            params={"includeTasks": "true", "onlyFailed": "true"},
        )

    def has_offsets(self, name: str) -> bool:
        """Whether the sink has noted how far it has read."""
        return bool(self._ask("GET", f"/connectors/{quote(name, safe='')}/offsets")["offsets"])

    def stop(self, name: str) -> None:
        """End the connector's tasks; it stays as it is declared. Its status says STOPPED when they have ended."""
        self._ask("PUT", f"/connectors/{quote(name, safe='')}/stop")

    def forget_offsets(self, name: str) -> None:
        """Have a sink that is stopped begin anew; raises `ConnectRefused` where it is not."""
        self._ask("DELETE", f"/connectors/{quote(name, safe='')}/offsets")

    def resume(self, name: str) -> None:
        """Start the tasks of a connector that is stopped; one that runs is left alone."""
        self._ask("PUT", f"/connectors/{quote(name, safe='')}/resume")

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _ask(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            response = self._http.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise ConnectUnavailable(
                f"Kafka Connect does not answer at {self._http.base_url}: {error}"
            ) from error
        # 409: the group rebalances; 404 and 5xx: it starts, or has just lost the connector. All pass.
        if response.status_code in (404, 409) or response.status_code >= 500:
            raise ConnectUnavailable(f"Kafka Connect: {method} {path}: {_message(response)}")
        if response.is_error:
            raise ConnectRefused(f"Kafka Connect: {method} {path}: {_message(response)}")
        return response.json() if response.content else None


def _status(facts: dict[str, Any]) -> Status:
    return Status(
        connector=facts["connector"]["state"],
        error=_cause(facts["connector"].get("trace", "")),
        tasks=tuple((task["state"], _cause(task.get("trace", ""))) for task in facts["tasks"]),
    )


def _cause(trace: str) -> str:
    """The innermost cause of a Java stack trace, in one line: what the outer ones wrap says least."""
    lines = trace.splitlines()
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    return (causes or lines or [""])[-1 if causes else 0][:500]


def _message(response: httpx.Response) -> str:
    try:
        text = str(response.json().get("message", ""))
    except (ValueError, AttributeError):
        text = response.text
    return f"{response.status_code} {' '.join(text.split())[:500]}"
