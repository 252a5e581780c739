"""The operator as a process of its own, and what it says of itself."""

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Self

import httpx
import psutil

from smartstore_operator.embedded.metrics import Samples, parse

_RUN = "import sys; from smartstore_operator.cli.operator import main; sys.exit(main(['run']))"
_LOCAL = (
    "import socket; found = socket.getaddrinfo; socket.getaddrinfo = lambda host, *rest, **more: "
    "found('127.0.0.1' if host and host[-4:] in ('.svc', b'.svc') else host, *rest, **more); "
)
_WRITES = ("PATCH", "POST", "PUT", "DELETE")
Settings = Mapping[str, str]
_FORKS = multiprocessing.get_context("forkserver")


class Operator:
    """One process with the rights of `kubeconfig`; stopped at the end of the block, if it still runs.

    `settings` are those of the operator, `NAMESPACES` without the prefix; `source` is another checkout to run. With
    `plays_pods` every Service is found on this machine, where somebody plays the pods behind it.
    """

    def __init__(
        self,
        kubeconfig: Path,
        log: Path,
        settings: Settings | None = None,
        source: Path | None = None,
        *,
        plays_pods: bool = False,
    ) -> None:
        self._program = f"{_LOCAL if plays_pods else ''}{_RUN}"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        self.log = log
        self._variables = variables(kubeconfig, {"HEALTH_PORT": str(self._port), **(settings or {})})
        if source is not None:
            self._variables["PYTHONPATH"] = f"{source / 'operator'}:{source / 'apps'}"
        self.start()

    def start(self) -> None:
        """Once more, after it has ended."""
        self.began = time.monotonic()
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", self._program],
                env={**os.environ, **self._variables},
                stdout=output,
                stderr=output,
            )
        self._measured = psutil.Process(self.process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()
        elif self.process.returncode not in (0, -signal.SIGKILL):
            last = self.log.read_text(errors="replace").splitlines()[-1:]
            print(f"the operator had ended with code {self.process.returncode}: {last}", file=sys.stderr)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code; with the default signal it gives the Lease back."""
        self.process.send_signal(number)
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()

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

    def quantile(self, name: str, share: float) -> float:
        """Upper end of the histogram's bucket in which this share of the samples ends."""
        found = {
            float(dict(labels)["le"]): value
            for (metric, labels), value in self.metrics().items()
            if metric == f"smartstore_operator_{name}_bucket"
        }
        return min(end for end, count in found.items() if count >= share * found[float("inf")])

    def writes(self) -> float:
        """Requests that change something."""
        return sum(self.total("api_calls_total", verb=verb) for verb in _WRITES)


def variables(kubeconfig: Path, settings: Settings) -> dict[str, str]:
    """The environment of an operator."""
    return {
        "KUBECONFIG": str(kubeconfig),
        **{f"SMARTSTORE_OPERATOR_{name}": value for name, value in settings.items()},
    }


def forked(kubeconfig: Path, log: Path, settings: Settings) -> ForkServerProcess:
    """A process that starts within a moment, from one that has imported everything: for dozens of them."""
    _FORKS.set_forkserver_preload(["__main__", __name__, "smartstore_operator.cli.operator"])
    process = _FORKS.Process(target=_run, args=(variables(kubeconfig, {"HEALTH_PORT": "0", **settings}), log))
    process.start()
    return process


def _run(environment: dict[str, str], log: Path) -> None:
    os.environ.update(environment)
    with log.open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    from smartstore_operator.cli.operator import main

    sys.exit(main(["run"]))
