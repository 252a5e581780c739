"""PodMonitor and PrometheusRule: made in a cluster that knows them, and no hindrance in one that does not."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from smartstore_operator.cli.plugin.main import main
from smartstore_operator.reconcile.kinds import KINDS
from smartstore_operator.render.kubernetes.monitoring import OPTIONAL
from tests.api_server import kubectl
from tests.cluster.definitions import until_gone, until_served
from tests.cluster.estate import Estate, with_estate
from tests.final_state import IMAGE_SETTINGS

pytestmark = pytest.mark.cluster


def _definition(kind: str) -> dict[str, Any]:
    """A kind of that name, with whatever fields."""
    version, plural = KINDS[kind]
    group, _, served = version.partition("/")
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural},
            "versions": [
                {"name": served, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
            ],
        },
    }


@pytest.fixture
def defined(api_server: Path, tmp_path: Path) -> Iterator[None]:
    """The API server knows both kinds, for one test."""
    file = tmp_path / "definitions.yaml"
    file.write_text(yaml.safe_dump_all([_definition(kind) for kind in OPTIONAL]))
    kubectl("apply", "--server-side", f"--filename={file}")
    for kind in OPTIONAL:
        version, plural = KINDS[kind]
        until_served(f"/apis/{version}/namespaces/default/{plural}")
    yield
    kubectl("delete", f"--filename={file}")
    until_gone("/apis/monitoring.coreos.com/v1")  # else the next test's operator would still find them


@pytest.mark.usefixtures("defined")
def test_they_are_made_healed_and_taken_away(
    namespace: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", f"{os.environ['KUBEBUILDER_ASSETS']}:{os.environ['PATH']}")
    for name, value in IMAGE_SETTINGS.items():
        monkeypatch.setenv(f"SMARTSTORE_OPERATOR_{name}", value)

    async def work(estate: Estate) -> None:
        await estate.apply()
        await estate.until_ready()
        assert await estate.children(*OPTIONAL) == {"PodMonitor/demo", "PrometheusRule/demo"}
        assert main(["diff", "demo", "-n", namespace]) == 0, capsys.readouterr().out
        await estate.server.delete("PodMonitor", namespace, "demo")
        assert main(["diff", "demo", "-n", namespace]) == 1
        assert (await estate.reconcile()).applied == ["PodMonitor/demo"]
        await estate.apply(monitoring={"podMonitors": {"enabled": False}, "rules": {"enabled": False}})
        assert sorted((await estate.reconcile()).deleted) == ["PodMonitor/demo", "PrometheusRule/demo"]

    with_estate(namespace, work)


def test_without_them_nothing_waits(namespace: str) -> None:
    async def work(estate: Estate) -> None:
        assert not [kind for kind in OPTIONAL if await estate.server.serves(kind)]
        await estate.apply()
        await estate.until_ready()

    with_estate(namespace, work)
