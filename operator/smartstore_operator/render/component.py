"""What `render` yields: the parts that run, independent of where they run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Programs = Literal["services", "kafka", "spark"]
"""Whose programs a component runs; in a cluster, each has an image (images/Containerfile)."""


Kind = Literal["service", "oneshot", "task"]
"""It runs always; once before others; or only when somebody asks for it."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """How readiness is seen: an HTTP 200, an open TCP port, or a command that exits 0."""

    kind: Literal["http", "tcp", "exec"]
    port: str | None = None
    """Name of the component's port (http, tcp)."""
    path: str = "/healthz"
    argv: tuple[str, ...] = ()
    timeout_seconds: float = 120.0
    """How long the first success may take before the start counts as failed."""


@dataclass(frozen=True, kw_only=True)
class Component:
    """One part that runs.

    `argv`, `environment` values and `files` contents are final text. `files` maps a path (in the component's
    configuration directory) to its content; `state_dir` survives restarts. `needs` names the components that
    must be ready (a one-shot: finished with exit 0) first. `after` names those that go first where they start together,
    so that a small machine does not slow down all at once; unlike `needs`, a failed one does not hold it up.
    """

    name: str
    argv: tuple[str, ...]
    programs: Programs = "services"
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    secret_files: Mapping[str, str] = field(default_factory=dict)
    """Like `files`, readable by the owner only."""
    ports: Mapping[str, int] = field(default_factory=dict)
    reaches: tuple[str, ...] = ()
    """Names of the ports of other components that it connects to; it has no business with any other."""
    probe: Probe | None = None
    state_dir: str | None = None
    volume: str | None = None
    """Size of what is kept, where the spec says it; elsewhere the platform knows."""
    reads_state_of: str | None = None
    """Another component whose state directory it sees, and does not change."""
    memory: int = 256
    """MiB that it needs at most, heap and all; the default does for a Python process."""
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    kind: Kind = "service"
    schedule: str | None = None
    """When a task runs by itself, as five cron fields in UTC."""
    before_start: tuple[tuple[str, ...], ...] = ()
    """Commands that prepare the state directory; each must be idempotent."""
    unprivileged: bool = False
    """Whether it refuses to run as root (Postgres)."""
    stop_signal: Literal["TERM", "INT"] = "TERM"
    stop_seconds: float = 20.0
    """Time to stop gracefully before it is killed."""
