"""Ports: fixed ones are checked, others chosen once and kept."""

import socket
from pathlib import Path

import pytest

from smartstore_operator.embedded import ports
from smartstore_operator.embedded.errors import PreflightError


def test_port_in_use_names_port_and_field() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PreflightError, match=rf"port {port} is in use \(spec\.kafka\.port\)"):
            ports.demand_free({"spec.kafka.port": port})
    ports.demand_free({"spec.kafka.port": port})


def test_choice_is_kept(tmp_path: Path) -> None:
    first = ports.choose(["kafka", "valkey"], tmp_path / "ports.json")
    assert len(set(first.values())) == 2
    assert ports.choose(["kafka", "valkey"], tmp_path / "ports.json") == first


def test_choice_that_is_in_use_now_is_replaced(tmp_path: Path) -> None:
    first = ports.choose(["kafka", "valkey"], tmp_path / "ports.json")
    with socket.create_server(("127.0.0.1", first["kafka"])):
        second = ports.choose(["kafka", "valkey"], tmp_path / "ports.json")
    assert second["kafka"] != first["kafka"]
    assert second["valkey"] == first["valkey"]


def test_fixed_ports_are_not_chosen_for_others(tmp_path: Path) -> None:
    first = ports.choose(["kafka"], tmp_path / "ports.json")
    assert ports.choose(["kafka"], tmp_path / "ports.json", taken=first.values()) != first


def test_chosen_ports_lie_outside_the_ephemeral_range(tmp_path: Path) -> None:
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    chosen = ports.choose([f"p{n}" for n in range(20)], tmp_path / "ports.json")
    assert not [port for port in chosen.values() if low <= port <= high]
