"""Of several operators the one that holds the Lease acts; the requests of each are counted at a proxy of its own."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from smartstore_operator.cli import exits
from tests.api_server import kubectl
from tests.cluster.estate import with_server
from tests.faulty_api import FaultyApi
from tests.final_state import apply
from tests.operator_process import Operator
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

LEASE_SECONDS = 6.0
Start = Callable[[], "Replica"]


class Replica(NamedTuple):
    """One of them, and what it asks the API server for."""

    process: Operator
    api: FaultyApi

    @property
    def changes(self) -> list[str]:
        """All requests that change anything, those for the Lease too."""
        return [one.path for one in self.api.asked if one.method != "GET"]


@pytest.fixture
def start(namespace: str, api_server: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts another replica."""
    with ExitStack() as stack:

        def replica() -> Replica:
            name = f"replica-{len(list(tmp_path.iterdir()))}"
            api = stack.enter_context(FaultyApi(api_server))
            settings = {
                "NAMESPACES": namespace,
                "NAMESPACE": namespace,
                "LEASE_SECONDS": f"{LEASE_SECONDS:g}",
            }
            kubeconfig = api.kubeconfig(tmp_path / f"{name}.yaml")
            process = Operator(kubeconfig, tmp_path / f"{name}.log", settings)
            return Replica(stack.enter_context(process), api)

        yield replica


def _holder(namespace: str) -> str:
    path = "jsonpath={.spec.holderIdentity}"
    return kubectl("get", "lease", "smartstore-operator", "-n", namespace, "--ignore-not-found", "-o", path)


def test_who_waits_writes_nothing_and_takes_over_in_time(namespace: str, start: Start) -> None:
    leader = start()
    eventually(lambda: _holder(namespace))
    first = _holder(namespace)
    other = start()
    eventually(lambda: other.api.asked)
    with_server(lambda server: apply(server, namespace, "demo", {}))
    eventually(lambda: any("networkpolicies/demo-lake" in path for path in leader.changes))
    time.sleep(2)
    assert _holder(namespace) == first
    assert len(leader.api.writes) > 50
    assert other.changes == []
    assert {one.path.rpartition("/")[2] for one in other.api.asked} == {"smartstore-operator"}  # the Lease

    leader.process.stop(signal.SIGKILL)
    assert eventually(lambda: _holder(namespace) not in ("", first), LEASE_SECONDS) < LEASE_SECONDS
    kubectl("delete", "service", "demo-kafka", "-n", namespace)
    eventually(lambda: any("services/demo-kafka" in one.path for one in other.api.writes), 10)
    assert other.process.stop() == 0
    assert _holder(namespace) == ""  # given back, so that the next one need not wait


def test_an_operator_that_is_cut_off_ends_before_another_may_act(namespace: str, start: Start) -> None:
    leader = start()
    eventually(lambda: _holder(namespace))
    other = start()
    eventually(lambda: other.api.asked)
    leader.api.held = lambda asked: True  # no request of its is passed on any more
    assert leader.process.process.wait(LEASE_SECONDS * 2) == exits.LEASE_LOST
    eventually(lambda: other.changes, LEASE_SECONDS)
    took_over = min(one.moment for one in other.api.asked if one.method != "GET")
    leader.api.held = lambda asked: False
    time.sleep(0.5)
    assert max(one.moment for one in leader.api.asked) < took_over
