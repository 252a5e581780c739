"""`kubectl smartstore diff` announces what the operator does then, and nothing else."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from smartstore_operator.cli.plugin.main import main
from tests.cluster.estate import Estate, with_estate
from tests.final_state import IMAGE_SETTINGS
from tests.specs import plain

pytestmark = pytest.mark.cluster

EDITED: dict[str, Any] = {
    "stores": 9,
    "lake": {"enabled": False},
    "streaming": {"hot": {"driverMemory": "2Gi"}},
    "suspend": False,
}


def test_what_is_announced_is_what_is_written(
    namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", f"{os.environ['KUBEBUILDER_ASSETS']}:{os.environ['PATH']}")
    for name, value in IMAGE_SETTINGS.items():
        monkeypatch.setenv(f"SMARTSTORE_OPERATOR_{name}", value)
    document = {"apiVersion": "smartstore.io/v1alpha1", "kind": "SmartStore", "metadata": {"name": "demo"}}
    file = tmp_path / "edited.yaml"
    file.write_text(yaml.safe_dump({**document, "spec": plain(**EDITED)}))

    def announced(*options: str) -> list[str]:
        code = main(["diff", "demo", "-n", namespace, *options])
        printed = capsys.readouterr()
        assert printed.err == ""
        if code == 0:
            assert printed.out == "nothing would change\n"
            return []
        return sorted(line.split()[1].removesuffix(":") for line in printed.out.splitlines())

    async def work(estate: Estate) -> None:
        await estate.apply()
        await estate.until_ready()
        assert announced() == []
        expected = announced("-f", str(file))
        assert {"StatefulSet/demo-hot", "StatefulSet/demo-lake", "ConfigMap/demo-world"} <= set(expected)
        await estate.apply(**EDITED)
        done: set[str] = set()
        for _ in range(3):
            report = await estate.reconcile()
            done |= {*report.applied, *report.deleted}
            await estate.become_ready()
        assert sorted(done - {"ConfigMap/demo-ran"}) == expected
        assert announced() == []

    with_estate(namespace, work)
