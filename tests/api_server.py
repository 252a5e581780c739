"""A real API server on etcd, without controllers and nodes: tests and measurements play their part.

`KUBEBUILDER_ASSETS` names the directory with `etcd`, `kube-apiserver` and `kubectl`, as for other operators' tests.
"""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml

_START_SECONDS = 60.0
_CHART = Path(__file__).parents[1] / "charts/smartstore-operator"
_CRD = Path(__file__).parents[1] / "crds/smartstores.yaml"


@dataclass(frozen=True)
class Access:
    """Two kubeconfigs: an administrator's, and one with the rights of the operator's chart and no others."""

    administrator: Path
    operator: Path


@contextmanager
def api_server(root: Path) -> Iterator[Access]:
    """The server while the block runs, with the CRD; `KUBECONFIG` is the administrator's then.

    Raises:
        KeyError: KUBEBUILDER_ASSETS is not set.
    """
    binaries = Path(os.environ["KUBEBUILDER_ASSETS"])
    with (root / "log").open("wb") as output:
        etcd_port = _free_port()
        etcd = subprocess.Popen(_etcd(binaries, root, etcd_port), stdout=output, stderr=output)
        port = _free_port()
        server = subprocess.Popen(_server(binaries, root, port, etcd_port), stdout=output, stderr=output)
        try:
            _wait(f"https://127.0.0.1:{port}/readyz", root / "log", server)
            access = Access(root / "kubeconfig", root / "operator-kubeconfig")
            access.administrator.write_text(_kubeconfig(root, port, "test-token"))
            access.operator.write_text(_kubeconfig(root, port, "operator-token"))
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("KUBECONFIG", str(access.administrator))
                kubectl("apply", "--server-side", "-f", str(_CRD))
                kubectl(
                    "wait", "--for=condition=Established", "crd/smartstores.smartstore.io", "--timeout=20s"
                )
                kubectl("apply", "-f", str(_write_rights(root)))
                yield access
        finally:
            for process in (server, etcd):
                process.kill()
                process.wait()


def kubectl(*arguments: str, text: str | None = None) -> str:
    """Run kubectl, with `text` as its input; its output."""
    program = Path(os.environ["KUBEBUILDER_ASSETS"]) / "kubectl"
    done = subprocess.run([program, *arguments], check=False, capture_output=True, text=True, input=text)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _etcd(binaries: Path, root: Path, port: int) -> list[str]:
    url, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{_free_port()}"
    return [
        str(binaries / "etcd"),
        *(f"--data-dir={root / 'etcd'}", "--unsafe-no-fsync"),
        *(f"--listen-client-urls={url}", f"--advertise-client-urls={url}", f"--listen-peer-urls={peer}"),
    ]


def _server(binaries: Path, root: Path, port: int, etcd_port: int) -> list[str]:
    key = root / "service-accounts.key"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    tokens = 'test-token,tester,tester,"system:masters"\noperator-token,operator,operator\n'
    (root / "tokens.csv").write_text(tokens)
    return [
        str(binaries / "kube-apiserver"),
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        *("--bind-address=127.0.0.1", f"--secure-port={port}", f"--cert-dir={root / 'pki'}"),
        *(f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}"),
        *(
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.0.0.0/24",
        ),
        *(f"--token-auth-file={root / 'tokens.csv'}", "--authorization-mode=RBAC"),
        "--disable-admission-plugins=ServiceAccount",
    ]


def _write_rights(root: Path) -> Path:
    """The chart's rules, bound to the user `operator`."""
    documents = []
    for file in sorted((_CHART / "files").glob("*rules.yaml")):
        name = f"operator-{file.stem}"
        subject = {"kind": "User", "name": "operator", "apiGroup": "rbac.authorization.k8s.io"}
        version = "rbac.authorization.k8s.io/v1"
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
        meta = {"metadata": {"name": name}, "apiVersion": version}
        documents.append({**meta, "kind": "ClusterRole", "rules": yaml.safe_load(file.read_text())})
        documents.append({**meta, "kind": "ClusterRoleBinding", "roleRef": reference, "subjects": [subject]})
    path = root / "rights.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    return path


def _kubeconfig(root: Path, port: int, token: str) -> str:
    cluster = {
        "server": f"https://127.0.0.1:{port}",
        "certificate-authority": str(root / "pki/apiserver.crt"),
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
    return yaml.safe_dump(config)


def _wait(url: str, log: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(url, verify=False, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"the API server did not start: {log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
