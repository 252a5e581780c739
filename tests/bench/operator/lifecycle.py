"""Bars (g) to (j): several operators, another version, the end of a namespace, and a plan that is kept."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from smartstore_operator.reconcile.kinds import KINDS
from smartstore_operator.runtime.api_server import ApiServer
from tests.controllers import controllers, end_namespace
from tests.faults import Asked
from tests.faulty_api import FaultyApi
from tests.final_state import IMAGE_SETTINGS, apply, are_ready
from tests.mischief import endings
from tests.operator_process import Operator
from tests.specs import CHILDREN
from tests.waiting import until

_LEASE_SECONDS = 15
_ROUNDS = 3
_DIFF = "import sys; from smartstore_operator.cli.plugin.main import main; sys.exit(main())"


async def replicas(server: ApiServer, kubeconfig: Path, scratch: Path) -> dict[str, Any]:
    """The operator that acts is killed, the one that waited acts; again and again."""
    namespace, specs = "bench-replicas", endings(("s0",))
    waiting, seconds = 0, []
    async with place(server, namespace) as settings, controllers(server, namespace):
        await apply(server, namespace, "s0", specs["s0"])
        acting = Operator(kubeconfig, scratch / "replica.log", settings)
        await until(lambda: are_ready(server, namespace, specs), 120, 0.1)
        for number in range(_ROUNDS):
            with FaultyApi(kubeconfig) as api:
                other = Operator(api.kubeconfig(scratch / f"replica-{number}"), acting.log, settings)
                await asyncio.sleep(_LEASE_SECONDS)
                waiting += len([one for one in api.asked if one.method != "GET"])
                begin = time.monotonic()
                acting.process.kill()
                acting.process.wait()
                await server.delete("Service", namespace, "s0-kafka")
                await until(lambda: server.get("Service", namespace, "s0-kafka"), 60, 0.05)
                seconds.append(round(time.monotonic() - begin, 1))
                other.stop()
            acting = Operator(kubeconfig, acting.log, settings)
            await asyncio.sleep(5)
        acting.stop()
    return {
        "lease_seconds": _LEASE_SECONDS,
        "failovers": seconds,
        "seconds_to_act": max(seconds),
        "writes_of_those_who_wait": waiting,
    }


async def upgrade(server: ApiServer, kubeconfig: Path, scratch: Path, previous: str) -> dict[str, Any]:
    """What the checkout `previous` has made is looked at by this one."""
    namespace, specs = "bench-upgrade", endings(("s0", "s1"))
    source = scratch / "previous"
    subprocess.run(["git", "worktree", "add", "--detach", str(source), previous], check=True)
    try:
        async with place(server, namespace) as settings:
            async with controllers(server, namespace):
                for name, spec in specs.items():
                    await apply(server, namespace, name, spec)
                with Operator(kubeconfig, scratch / "previous.log", settings, source):
                    await until(lambda: are_ready(server, namespace, specs), 120, 0.1)
                    await asyncio.sleep(3)
            before = await _versions(server, namespace)
            with Operator(kubeconfig, scratch / "next.log", settings) as operator:

                async def has_looked() -> bool:
                    return operator.total("reconciles_total", result="done") >= 2 * len(specs)

                await until(has_looked, 60, 0.5)
            after = await _versions(server, namespace)
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", str(source)], check=True)
    return {
        "previous": previous,
        "objects": len(before),
        "written": [name for name in after if after[name] != before.get(name)],
    }


async def teardown(server: ApiServer, kubeconfig: Path, scratch: Path, count: int) -> dict[str, Any]:
    """Namespaces full of SmartStores are deleted, one while the operator lives and one after it was killed."""
    specs = endings(tuple(f"s{number}" for number in range(count)))
    seconds, finalizers, left = {}, 0, 0
    for name in ("with an operator", "without one"):
        namespace = f"bench-{name.replace(' ', '-')}"
        settings = {**await _make(server, namespace), "NAMESPACE": "default", "LEASE_SECONDS": "3"}
        with Operator(kubeconfig, scratch / "teardown.log", settings) as operator:
            async with controllers(server, namespace):
                for one, spec in specs.items():
                    await apply(server, namespace, one, spec)
                await until(partial(are_ready, server, namespace, specs), 600, 0.5)
            items = [item for kind in CHILDREN for item in await server.list(kind, namespace, {})]
            finalizers += len([item for item in items if item["metadata"].get("finalizers")])
            if name == "without one":
                operator.process.kill()
            begin = time.monotonic()
            await end_namespace(server, namespace)
            seconds[name] = round(time.monotonic() - begin, 1)
            await asyncio.sleep(3)
            left += len([item for kind in CHILDREN for item in await server.list(kind, namespace, {})])
    return {"smartstores": count, "seconds": seconds, "finalizers": finalizers, "left": left}


async def plan(server: ApiServer, kubeconfig: Path, scratch: Path) -> dict[str, Any]:
    """An edit is announced by `kubectl smartstore diff -f`, then made, and what was written is listed."""
    namespace = "bench-plan"
    (spec,) = endings(("s0",)).values()
    streaming = {"backend": "Local", "hot": {"driverMemory": "2Gi"}}
    edited = {**spec, "stores": 9, "lake": {"enabled": False}, "streaming": streaming}
    async with place(server, namespace) as settings, controllers(server, namespace):
        with FaultyApi(kubeconfig) as api:
            proxied = api.kubeconfig(scratch / "plan")
            with Operator(proxied, scratch / "plan.log", settings) as operator:
                await apply(server, namespace, "s0", spec)
                await until(lambda: are_ready(server, namespace, {"s0": spec}), 120, 0.1)
                await asyncio.sleep(3)
                announced = _announced(scratch, namespace, edited)
                before = len(api.asked)
                await apply(server, namespace, "s0", edited)
                await asyncio.sleep(3)
                await until(lambda: are_ready(server, namespace, {"s0": edited}), 120, 0.1)
                await asyncio.sleep(3)
                assert operator.process.poll() is None
            written = {_object(one) for one in api.asked[before:] if one.is_write and one.status < 300}
    own = {"", "ConfigMap/s0-ran"}  # as in `_versions`
    return {"announced": announced, "written": sorted(written - own)}


@asynccontextmanager
async def place(server: ApiServer, namespace: str) -> AsyncIterator[dict[str, str]]:
    """A namespace while the block runs, and the settings of an operator that looks after it."""
    yield await _make(server, namespace)
    await end_namespace(server, namespace)


async def _make(server: ApiServer, namespace: str) -> dict[str, str]:
    await server._ask("POST", "/api/v1/namespaces", json={"metadata": {"name": namespace}})
    own = {"NAMESPACES": namespace, "NAMESPACE": namespace, "LEASE_SECONDS": str(_LEASE_SECONDS)}
    return {**own, **IMAGE_SETTINGS}


async def _versions(server: ApiServer, namespace: str) -> dict[str, str]:
    """Of what belongs to SmartStores. What an operator remembers of them for itself is its own, like the status."""
    return {
        f"{kind}/{item['metadata']['name']}": item["metadata"]["resourceVersion"]
        for kind in CHILDREN
        for item in await server.list(kind, namespace, {})
        if not item["metadata"]["name"].endswith(("canary", "-ran"))
    }


def _announced(scratch: Path, namespace: str, spec: dict[str, Any]) -> list[str]:
    """The objects that the plugin names."""
    file = scratch / "edited.yaml"
    document = {"apiVersion": "smartstore.io/v1alpha1", "kind": "SmartStore", "spec": spec}
    file.write_text(yaml.safe_dump({**document, "metadata": {"name": "s0", "namespace": namespace}}))
    images = {f"SMARTSTORE_OPERATOR_{name}": value for name, value in IMAGE_SETTINGS.items()}
    path = f"{os.environ['KUBEBUILDER_ASSETS']}:{os.environ['PATH']}"
    command: Sequence[str] = [sys.executable, "-c", _DIFF, "diff", "s0", "-n", namespace, "-f", str(file)]
    environment = {**os.environ, **images, "PATH": path}
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    return sorted(line.split()[1].removesuffix(":") for line in done.stdout.splitlines())


def _object(asked: Asked) -> str:
    """`Kind/name` of the child that a request is about; nothing for a status or an Event."""
    plural, _, name = asked.path.rpartition("/namespaces/")[2].partition("/")[2].partition("/")
    kinds = {of_kind[1]: kind for kind, of_kind in KINDS.items() if kind in CHILDREN}
    return f"{kinds[plural]}/{name}" if plural in kinds and name else ""
