"""A cluster that runs pods: the operator is installed by its charts, and a SmartStore lives in a namespace of its own.

`KUBECONFIG` names the cluster; the images must be there (`make images`). SMARTSTORE_IMAGES is what stands before
`smartstore-operator` and the others in their references, such as `localhost/` or `registry.example/shop/`.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "manifests/samples/minimal.yaml"
OPERATOR = "smartstore-test"
PROGRAMS = ("services", "kafka", "spark")


def run(*command: str | Path, stdin: str | None = None) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, input=stdin)
    assert done.returncode == 0, f"{command}: {done.stdout[-1500:]}{done.stderr[-1500:]}"
    return done.stdout


def eventually(what: Callable[[], Any], seconds: float, name: str = "") -> float:
    """How long it took until `what` was true."""
    begin, said = time.monotonic(), ""
    while time.monotonic() - begin < seconds:
        try:
            if what():
                return time.monotonic() - begin
        except AssertionError as error:
            said = str(error)[-500:]
        # Each kubectl takes from the pods' processors, which is what they wait for.
        time.sleep(0.3 if time.monotonic() - begin < 10 else 2)
    raise AssertionError(f"{name or 'it'} did not come within {seconds:.0f} s: {said}")


@dataclass
class Shop:
    """The SmartStore `demo` in its namespace."""

    namespace: str

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """kubectl in the namespace."""
        return run("kubectl", "-n", self.namespace, *arguments, stdin=stdin)

    def apply(self) -> None:
        """What the README says."""
        self.kubectl("apply", "-f", str(SAMPLE))

    def apply_suspended(self) -> None:
        """The same, but nothing runs."""
        manifest = yaml.safe_load(SAMPLE.read_text())
        manifest["spec"]["suspend"] = True
        self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(manifest))

    def suspend(self, value: bool) -> None:
        """Stop everything, or go on."""
        patch = json.dumps({"spec": {"suspend": value}})
        self.kubectl("patch", "sst", "demo", "--type=merge", "-p", patch)

    def until_ready(self, seconds: float = 400) -> None:
        """As a user waits."""
        self.kubectl("wait", "--for=condition=Ready", "sst/demo", f"--timeout={seconds:.0f}s")

    def status(self) -> dict[str, Any]:
        """The SmartStore's status."""
        found: dict[str, Any] = json.loads(self.kubectl("get", "sst", "demo", "-o", "json"))
        return dict(found.get("status", {}))

    def reason(self) -> str:
        """Why it is ready or not."""
        conditions = self.status().get("conditions", [])
        return next((str(one["reason"]) for one in conditions if one["type"] == "Ready"), "")

    def items(self, kinds: str) -> list[dict[str, Any]]:
        """All objects of these kinds."""
        return list(json.loads(self.kubectl("get", kinds, "-o", "json"))["items"])

    def pods(self) -> dict[str, str]:
        """Uid by name of the pods that run always."""
        return {
            pod["metadata"]["name"]: pod["metadata"]["uid"]
            for pod in self.items("pods")
            if all(owner["kind"] != "Job" for owner in pod["metadata"].get("ownerReferences", []))
        }

    def sql(self, query: str) -> str:
        """The answer of Postgres, asked in its pod."""
        password = self.kubectl(
            *("get", "secret", "demo-credentials", "-o"),
            'go-template={{index .data "postgres-password" | base64decode}}',
        )
        psql = (
            "/opt/smartstore/postgres/bin/psql",
            "-h",
            "127.0.0.1",
            "-U",
            "smartstore",
            "-Atc",
            query,
            "smartstore",
        )
        return self.kubectl(
            "exec", "demo-postgres-0", "-c", "main", "--", "env", f"PGPASSWORD={password}", *psql
        ).strip()

    def plugin(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`kubectl smartstore …` in the namespace."""
        program = Path(sys.executable).with_name("kubectl-smartstore")
        command = [str(program), *arguments, "-n", self.namespace]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def verify(self) -> str:
        """`clean` when `kubectl smartstore verify` says so of the books and of the lake, else what it says."""
        done = self.plugin("verify", "demo")
        if done.returncode == 0 and done.stdout.splitlines().count("CLEAN") == 2:
            return "clean"
        return f"{done.returncode}: {done.stdout[-1500:]}{done.stderr[-500:]}"


@pytest.fixture(scope="session", autouse=True)
def operator() -> Iterator[None]:
    """CRDs and operator, by Helm."""
    if "KUBECONFIG" not in os.environ or not shutil.which("helm") or not shutil.which("kubectl"):
        pytest.exit("set KUBECONFIG to a cluster's file, and have kubectl and helm in the PATH", 2)
    prefix = os.environ.get("SMARTSTORE_IMAGES", "")
    values = {
        "image": {"repository": f"{prefix}smartstore-operator"},
        "storeImages": {name: f"{prefix}smartstore-{name}:0.1.0" for name in PROGRAMS},
    }
    where = ("--namespace", OPERATOR, "--create-namespace", "--wait", "--timeout=120s")
    run("helm", "upgrade", "--install", "smartstore-crds", ROOT / "charts/smartstore-crds", *where)
    chart = ROOT / "charts/smartstore-operator"
    run("helm", "upgrade", "--install", OPERATOR, chart, *where, "--values=-", stdin=yaml.safe_dump(values))
    yield
    logs = [
        "kubectl",
        "-n",
        OPERATOR,
        "logs",
        f"--selector=app.kubernetes.io/instance={OPERATOR}",
        "--tail=60",
    ]
    print(subprocess.run(logs, capture_output=True, text=True, check=False).stdout)
    run("helm", "uninstall", OPERATOR, "--namespace", OPERATOR)
    run("helm", "uninstall", "smartstore-crds", "--namespace", OPERATOR)
    run("kubectl", "delete", "crd", "smartstores.smartstore.io", "--ignore-not-found")
    run("kubectl", "delete", "namespace", OPERATOR)


@pytest.fixture(scope="session")
def shop() -> Iterator[Shop]:
    """A SmartStore that is ready, in the hands of one test after the other."""
    here = Shop(f"shop-{uuid.uuid4().hex[:6]}")
    run("kubectl", "create", "namespace", here.namespace)
    try:
        here.apply()
        here.until_ready()
        yield here
    finally:
        run("kubectl", "delete", "namespace", here.namespace, "--ignore-not-found", "--timeout=180s")
