"""Bar (f): a bad API server, people who change things, and an operator that is killed again and again."""

import asyncio
import random
import signal
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from smartstore_operator.cli import exits
from smartstore_operator.runtime.api_server import ApiServer
from tests.bench.operator.lifecycle import place
from tests.controllers import controllers
from tests.faults import BAD
from tests.faulty_api import FaultyApi
from tests.final_state import differences, is_done, state, undisturbed
from tests.mischief import Mischief, endings
from tests.operator_process import Operator
from tests.waiting import until

_STEPS_PER_SECOND = 2
_LONGEST_SECONDS = 600.0


async def chaos(
    server: ApiServer, kubeconfig: Path, scratch: Path, *, count: int, seconds: float, seed: int
) -> dict[str, Any]:
    """`count` SmartStores, disturbed for about so many seconds; then what is left, beside an undisturbed run."""
    namespace = "bench-chaos"
    specs = endings(tuple(f"s{number}" for number in range(count)))
    deaths: Counter[int] = Counter()
    async with place(server, namespace) as own, controllers(server, namespace):
        settings = {**own, "RESYNC_SECONDS": "30"}
        with FaultyApi(kubeconfig, replace(BAD, seed=seed)) as api:
            with Operator(api.kubeconfig(scratch / "chaos"), scratch / "chaos.log", settings) as operator:
                keeping = asyncio.create_task(_keep(operator, deaths))
                killing = asyncio.create_task(_kill(operator, seed))
                await Mischief(server, namespace, specs, seed).do(int(seconds * _STEPS_PER_SECOND))
                killing.cancel()
                begin = time.monotonic()
                await until(lambda: is_done(server, namespace, specs), _LONGEST_SECONDS, 0.5)
                settled = time.monotonic() - begin
                keeping.cancel()
            found = await state(server, namespace)
        wanted = await undisturbed(server, namespace, specs)
    return {
        "smartstores": count,
        "seed": seed,
        "seconds": round(seconds),
        "requests": len(api.asked),
        "faults": dict(Counter(one.fault for one in api.asked if one.fault)),
        "kills": deaths[-signal.SIGKILL],
        "leases_lost": deaths[exits.LEASE_LOST],
        "ended_by_itself": deaths.total() - deaths[-signal.SIGKILL] - deaths[exits.LEASE_LOST],
        "seconds_to_settle": round(settled, 1),
        "objects": len(found),
        "objects_that_differ": differences(found, wanted),
    }


async def _keep(operator: Operator, deaths: Counter[int]) -> None:
    """Start it again whenever it has ended, as the kubelet would; until cancelled. Counts exit codes.

    That it ends when nobody lets it renew its Lease is as it should be: another one may act then.
    """
    while True:
        await asyncio.sleep(0.2)
        if (code := operator.process.poll()) is not None:
            deaths[code] += 1
            operator.start()


async def _kill(operator: Operator, seed: int) -> None:
    """Again and again until cancelled; the Lease of the one that was killed has to run out before the next one acts."""
    chance = random.Random(seed)
    while True:
        await asyncio.sleep(chance.uniform(15, 30))
        operator.process.kill()
