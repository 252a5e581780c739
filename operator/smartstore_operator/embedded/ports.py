"""TCP ports on the loopback interface: fixed by the spec, or chosen free once and kept."""

import contextlib
import random
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from smartstore_operator.embedded.datadir import read_json, write_json
from smartstore_operator.embedded.errors import PreflightError

HOST = "127.0.0.1"
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def is_free(port: int, host: str = HOST) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def demand_free(fixed: Mapping[str, int]) -> None:
    """Check ports that the spec asks for; `fixed` maps the field (`spec.kafka.port`) to its port.

    Raises:
        PreflightError: one of them is in use; names port and field.
    """
    for field, port in fixed.items():
        if not is_free(port):
            raise PreflightError(
                f"port {port} is in use",
                field,
                "choose another one, or leave the field out to have one chosen",
            )


def choose(names: Iterable[str], remembered: Path, taken: Iterable[int] = ()) -> dict[str, int]:
    """A free port for each name: the one remembered from the last start if it is still free, else a new one.

    New ports lie outside the kernel's ephemeral range, so that no outgoing connection can take one while its server
    restarts. The choice is written to `remembered`.
    """
    known = read_json(remembered)
    used = set(taken)
    chosen: dict[str, int] = {}
    for name in names:
        port = known.get(name)
        if not isinstance(port, int) or port in used or not is_free(port):
            port = _free_port(used)
        chosen[name] = port
        used.add(port)
    write_json(remembered, {**known, **chosen})
    return chosen


def _free_port(used: set[int]) -> int:
    low, high = _quiet_range()
    for port in random.SystemRandom().sample(range(low, high), high - low):
        if port not in used and is_free(port):
            return port
    raise PreflightError("no TCP port is free", HOST, "end some other server")


def _quiet_range() -> tuple[int, int]:
    """A range of unprivileged ports outside the ephemeral one."""
    with contextlib.suppress(OSError, ValueError):
        first, last = map(int, _EPHEMERAL.read_text().split())
        if first > 12_000:
            return 10_000, min(first, 32_768)
        if last < 60_000:
            return last + 1, 65_000
    return 20_000, 32_768
