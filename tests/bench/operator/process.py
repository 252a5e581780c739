"""The operator as a process of its own, and what it says of itself."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import httpx
import psutil

from smartstore_operator.embedded.metrics import Samples, parse

_RUN = "import sys; from smartstore_operator.cli.operator import main; sys.exit(main(['run']))"
_WRITES = ("PATCH", "POST", "PUT", "DELETE")


class Operator:
    """One process with the rights of the chart; it looks after all namespaces."""

    def __init__(self, kubeconfig: Path, log: Path, **settings: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        variables = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig),
            "SMARTSTORE_OPERATOR_LEASE_SECONDS": "15",
            "SMARTSTORE_OPERATOR_HEALTH_PORT": str(self._port),
            **{f"SMARTSTORE_OPERATOR_{name}": value for name, value in settings.items()},
        }
        self.began = time.monotonic()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _RUN], env=variables, stdout=output, stderr=output
            )
        self._measured = psutil.Process(self._process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Gracefully, so that the Lease is given back."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def rss_bytes(self) -> int:
        """Resident memory."""
        return int(self._measured.memory_info().rss)

    @property
    def cpu_seconds(self) -> float:
        """What it has used of the processors."""
        times = self._measured.cpu_times()
        return float(times.user + times.system)

    def metrics(self) -> Samples:
        """Its metrics page; empty while it does not answer yet."""
        try:
            page = httpx.get(f"http://127.0.0.1:{self._port}/metrics", trust_env=False, timeout=30)
        except httpx.ConnectError:
            return {}
        return parse(page.text)

    def total(self, name: str, **labels: str) -> float:
        """Sum of a metric's samples that have these labels."""
        return sum(
            value
            for (metric, found), value in self.metrics().items()
            if metric == f"smartstore_operator_{name}" and labels.items() <= dict(found).items()
        )

    def writes(self) -> float:
        """Requests that change something."""
        return sum(self.total("api_calls_total", verb=verb) for verb in _WRITES)
