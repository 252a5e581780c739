"""Whatever the API server does to the operator, and whenever the operator dies: the end is the same."""

import asyncio
from dataclasses import replace
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from smartstore_operator.runtime.api_server import ApiServer
from tests.api_server import kubectl
from tests.cluster.estate import with_server
from tests.controllers import controllers
from tests.faults import BAD, Asked
from tests.faulty_api import FaultyApi
from tests.final_state import IMAGE_SETTINGS, apply, differences, is_done, state, undisturbed
from tests.mischief import Mischief, endings
from tests.operator_process import Operator, forked
from tests.waiting import until

pytestmark = pytest.mark.cluster


def _free_lease(namespace: str) -> None:
    """So that nobody waits for the one who was killed."""
    kubectl("delete", "lease", "smartstore-operator", "-n", namespace, "--ignore-not-found")


def _settings(namespace: str) -> dict[str, str]:
    return {"NAMESPACES": namespace, "NAMESPACE": namespace, "RESYNC_SECONDS": "20", **IMAGE_SETTINGS}


@pytest.mark.parametrize("seed", [1, 2])
def test_a_bad_api_server_and_people_who_change_things(
    namespace: str, api_server: Path, tmp_path: Path, seed: int
) -> None:
    async def work(server: ApiServer) -> None:
        specs = endings(("alpha", "beta"))
        with FaultyApi(api_server, replace(BAD, seed=seed)) as api:
            kubeconfig = api.kubeconfig(tmp_path / "kubeconfig")
            async with controllers(server, namespace):
                with Operator(kubeconfig, log := tmp_path / "log", _settings(namespace)) as operator:
                    await Mischief(server, namespace, specs, seed).do(30)
                    await until(lambda: is_done(server, namespace, specs), 120, 0.5)
                    assert operator.process.poll() is None, log.read_text()[-4000:]
                found = await state(server, namespace)
                assert differences(found, await undisturbed(server, namespace, specs)) == {}
        assert {one.fault for one in api.asked} >= {"error", "reset", "lost", "slow", "stale", "gone"}
        assert "Unexpected" not in log.read_text()

    with_server(work)


def test_killed_after_each_write_of_a_bring_up(namespace: str, api_server: Path, tmp_path: Path) -> None:
    async def work(server: ApiServer) -> None:
        specs = endings(("alpha",))
        kills = 0
        with FaultyApi(api_server) as api:
            kubeconfig, log = api.kubeconfig(tmp_path / "kubeconfig"), tmp_path / "log"
            await apply(server, namespace, "alpha", specs["alpha"])
            async with controllers(server, namespace):
                while not await is_done(server, namespace, specs):
                    process = forked(kubeconfig, log, _settings(namespace))
                    api.wrote = partial(_kill, process)
                    process.join(30)
                    assert process.exitcode == -9, log.read_text()[-4000:]
                    kills += 1
                    _free_lease(namespace)
                found = await state(server, namespace)
                assert differences(found, await undisturbed(server, namespace, specs)) == {}
            assert kills == len(api.writes) >= len(found)

    with_server(work)


def test_passwords_of_a_killed_operator_that_arrive_late_replace_none(
    namespace: str, api_server: Path, tmp_path: Path
) -> None:
    async def work(server: ApiServer) -> None:
        late: list[Asked] = []

        def held(asked: Asked) -> bool:
            is_secret = asked.is_write and "/secrets" in asked.path
            if is_secret and asked not in late:
                late.append(asked)
            return is_secret

        with FaultyApi(api_server) as api:
            await apply(server, namespace, "demo", {})
            api.held = held
            first = forked(api.kubeconfig(tmp_path / "kubeconfig"), tmp_path / "log", _settings(namespace))
            await until(lambda: _length(late), 30, 0.1)
            first.kill()
            first.join()
            _free_lease(namespace)
            second = forked(api_server, tmp_path / "log", _settings(namespace))
            try:
                await until(lambda: server.get("StatefulSet", namespace, "demo-postgres"), 30, 0.1)
                before = await _passwords(server, namespace)
                api.held = lambda _: False
                await until(lambda: _length([one for one in api.asked if one.is_write]), 10)
                await asyncio.sleep(2)
                assert await _passwords(server, namespace) == before
            finally:
                second.kill()
                second.join()

    with_server(work)


def _kill(process: ForkServerProcess, _: Asked) -> None:
    process.kill()


async def _length(things: list[Asked]) -> int:
    return len(things)


async def _passwords(server: ApiServer, namespace: str) -> list[dict[str, str]]:
    names = ("demo-credentials", "demo-credentials-copy")
    found = [await server.get("Secret", namespace, name) for name in names]
    return [dict((secret or {})["data"]) for secret in found]
