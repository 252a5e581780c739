"""Programs that refuse root: which command line starts them, and that it works where the test runs as root."""

import os
import subprocess
from pathlib import Path

import pytest

from smartstore_operator.embedded.toolchain import (
    ToolchainError,
    postgres_bin,
    privileges,
    unprivileged,
    valkey_server,
)

pytestmark = pytest.mark.unit

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")


def test_an_ordinary_user_runs_the_program_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert unprivileged(["/bin/x", "-D", "y"], [tmp_path]) == ["/bin/x", "-D", "y"]
    watched = unprivileged(["/bin/x"], [], parent_death="INT")
    assert watched == ["setpriv", "--pdeathsig=INT", "--", "/bin/x"]


@as_root
def test_root_starts_a_server_that_refuses_root(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    initdb = [str(postgres_bin() / "initdb"), "-D", str(data), "-U", "smart", "--auth=trust", "--no-sync"]
    done = subprocess.run(unprivileged(initdb, [data]), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (data / "PG_VERSION").read_text().strip() == "18"


@as_root
@pytest.mark.parametrize("way", [privileges._namespace, privileges._capability])
def test_every_way_passes_a_closed_directory(
    tmp_path: Path, way: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    (closed / "data").mkdir(parents=True)
    closed.chmod(0o700)
    (closed / "data" / "file").write_text("x")
    prefix = way()  # type: ignore[operator]
    if not privileges._works(prefix):
        pytest.skip("this machine forbids it")
    monkeypatch.setattr(privileges, "_way", lambda: way)
    command = ["/bin/sh", "-c", f"id -u; cat {closed}/data/file; echo y > {closed}/data/file"]
    done = subprocess.run(
        unprivileged(command, [closed / "data"]), capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith(str(privileges._nobody().pw_uid)), done
    assert (closed / "data" / "file").read_text() == "y\n"


@as_root
def test_a_plain_switch_says_which_directory_is_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    (closed / "data").mkdir(parents=True)
    closed.chmod(0o700)
    monkeypatch.setattr(privileges, "_way", lambda: privileges._plain)
    with pytest.raises(ToolchainError, match="cannot pass this directory"):
        unprivileged(["/bin/true"], [closed / "data"])


def test_the_servers_inside_the_wheels_run() -> None:
    for program in (postgres_bin() / "postgres", valkey_server()):
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        assert answer.strip(), program
