"""A real API server for the session, and a namespace for each test."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import api_server as server
from tests.api_server import kubectl
from tests.cluster.definitions import VARIABLE
from tests.final_state import IMAGE_SETTINGS
from tests.operator_process import Operator

collect_ignore = (
    [] if VARIABLE in os.environ else ["test_cloudnative_pg.py", "test_spark_operator.py", "test_strimzi.py"]
)


@pytest.fixture(scope="session", autouse=True)
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Sets `KUBECONFIG` for the session to an administrator's; gives one with the rights of the operator's chart."""
    if not os.environ.get("KUBEBUILDER_ASSETS"):
        pytest.exit("set KUBEBUILDER_ASSETS to a directory with etcd, kube-apiserver and kubectl", 2)
    with server.api_server(tmp_path_factory.mktemp("api-server")) as access:
        yield access.operator


@pytest.fixture
def namespace() -> str:
    """A namespace of its own; without controllers nobody would clean it up."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    kubectl("create", "namespace", name)
    return name


@pytest.fixture
def operator(namespace: str, api_server: Path, tmp_path: Path) -> Iterator[Operator]:
    """It has the rights of the chart and no others, and looks after the test's namespace."""
    settings = {"NAMESPACES": namespace, "NAMESPACE": namespace, "LEASE_SECONDS": "6", **IMAGE_SETTINGS}
    with Operator(api_server, tmp_path / "operator.log", settings) as running:
        yield running
    print(running.log.read_text()[-4000:])
