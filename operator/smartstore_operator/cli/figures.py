"""Numbers and times as people read them."""

import os
import time

from smartstore_operator.embedded.processes import inspect

_UNITS = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def memory(count: int) -> str:
    """`2.1 GB`, `512 MB`."""
    for unit, size in _UNITS:
        if count >= size:
            return f"{count / size:.1f} {unit}" if unit == "GB" else f"{count / size:.0f} {unit}"
    return f"{count} B"


def duration(seconds: float) -> str:
    """`45 s`, `3 min 20 s`, `2 h 05 min`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def moment(iso: str | None) -> str:
    """`Mon 2017-11-13 09:35:00` from an ISO time; a dash when it is not known."""
    if iso is None:
        return "–"
    return iso.replace("T", " ").replace("Z", "")[:19]


def speed(ratio: float | None) -> str:
    """`×598`; a dash when it is not known."""
    return "–" if ratio is None else f"×{ratio:,.0f}" if ratio >= 10 else f"×{ratio:.1f}"


def seconds_of_process() -> float:
    """Seconds since this process began, interpreter start and imports included."""
    process = inspect(os.getpid())
    begin = process.key.start / os.sysconf("SC_CLK_TCK") if process else 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - begin
