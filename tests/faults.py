"""What may go wrong between the operator and the API server, and what was asked."""

from dataclasses import dataclass

WRITES = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Chances are of one request, from 0 to 1."""

    seed: int = 0
    errors: float = 0.0
    """500, 502, 503 or 504 instead of doing it; in a watch also as an event."""
    resets: float = 0.0
    """The connection ends before the request is passed on."""
    lost: float = 0.0
    """It is done, but the connection ends before the answer, or in the middle of it."""
    slow: float = 0.0
    slow_seconds: float = 1.0
    stale: float = 0.0
    """A list of some seconds ago."""
    bursts: float = 0.0
    """Everything is refused with 429 and `Retry-After` for `burst_seconds`."""
    burst_seconds: float = 2.0
    gone: float = 0.0
    """A watch that goes on somewhere is told that it cannot, by 410 as the status of the answer or as an event."""
    watch_seconds: float | None = None
    """After so long, more or less, a watch ends: properly or not, between two lines or within one."""


CALM = Faults()
BAD = Faults(
    errors=0.02, resets=0.01, lost=0.02, slow=0.03, stale=0.05, bursts=0.003, gone=0.2, watch_seconds=3.0
)
"""Everything at once, at twice the usual share of errors and more."""


@dataclass(frozen=True)
class Asked:
    """A request and what came of it."""

    moment: float
    """When it came, by the monotonic clock."""
    method: str
    path: str
    query: str
    agent: str
    status: int = 0
    """0: no answer."""
    fault: str = ""
    body: bytes = b""
    """Of a write."""

    @property
    def is_write(self) -> bool:
        """Whether it asks for a change; the Lease and the canary do not count."""
        return self.method in WRITES and "/leases" not in self.path and "canary" not in self.path
