"""The kubectl plugin without a cluster: what it makes of objects, and of its command line."""

from typing import Any

import pytest

from smartstore_operator.cli.plugin.changes import changes
from smartstore_operator.cli.plugin.main import main
from smartstore_operator.cli.plugin.show import as_text, describe, table
from smartstore_operator.cli.plugin.tasks import once

pytestmark = pytest.mark.unit

CONDITION = {"status": "True", "reason": "Ready", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}


def _live(seen: int = 2, **ready: Any) -> dict[str, Any]:
    conditions = [
        {**CONDITION, "type": "Ready", "reason": "AllComponentsReady", **ready},
        {
            **CONDITION,
            "type": "HotReady",
            "status": "False",
            "reason": "PodNotReady",
            "message": "0 of 1 pods",
        },
    ]
    return {
        "metadata": {"name": "demo", "namespace": "shops", "generation": 2},
        "spec": {"stores": 7},
        "status": {"observedGeneration": seen, "stores": 5, "conditions": conditions},
    }


def _pod(name: str, phase: str = "Running", *, ready: bool = True, restarts: int = 0) -> dict[str, Any]:
    containers = [{"ready": ready, "restartCount": restarts}]
    return {
        "metadata": {"name": name, "labels": {"app.kubernetes.io/component": "hot"}},
        "spec": {"nodeName": "node1"},
        "status": {"phase": phase, "containerStatuses": containers},
    }


def test_status_tells_stores_components_and_pods() -> None:
    pods = [_pod("demo-hot-0", ready=False, restarts=3), _pod("demo-topics-x", "Succeeded")]
    described = describe(_live(), pods)
    assert (described["ready"], described["stores"], described["served"]) == (True, 7, 5)
    assert [pod["name"] for pod in described["pods"]] == ["demo-hot-0"]
    assert as_text(described).splitlines() == [
        "shops/demo is ready: AllComponentsReady",
        "stores: 7 wanted, 5 served",
        "",
        "COMPONENT  STATE        SINCE                 MESSAGE",
        "Hot        PodNotReady  2026-01-01T00:00:00Z  0 of 1 pods",
        "",
        "POD         STATE               RESTARTS  NODE",
        "demo-hot-0  Running, not ready  3         node1",
    ]


def test_what_the_operator_has_not_seen_is_not_ready() -> None:
    described = describe(_live(seen=1), [])
    assert (described["ready"], described["message"]) == (
        False,
        "the operator has not seen the last change yet",
    )
    nothing = describe({"metadata": {"name": "demo", "namespace": "shops", "generation": 1}, "spec": {}}, [])
    assert (nothing["ready"], nothing["served"]) == (False, 0)


def test_a_table_without_rows_has_its_head() -> None:
    assert table(("A", "B"), []) == ["A  B"]


def _object(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/managed-by": "smartstore-operator"}
    return {"kind": kind, "metadata": {"name": name, "labels": labels}, **fields}


def test_changes_name_what_comes_differs_and_goes() -> None:
    wanted = [
        _object("Service", "a", spec={"x": 1}),
        _object("Service", "b", spec={"x": 1}),
        _object("Service", "c"),
    ]
    foreign = {"kind": "Service", "metadata": {"name": "foreign"}}
    found = [
        _object("Service", "a", spec={"x": 1, "y": 2}),
        _object("Service", "b", spec={"x": 3}),
        _object("Secret", "demo-credentials"),
        _object("ConfigMap", "old"),
        foreign,
    ]
    assert list(changes(wanted, found, ("Secret/demo-credentials",))) == [
        "~ Service/b: spec.x",
        "+ Service/c",
        "- ConfigMap/old",
    ]


def _job(command: list[str]) -> dict[str, Any]:
    return {"spec": {"backoffLimit": 3, "template": {"spec": {"containers": [{"command": command}]}}}}


def test_a_task_that_somebody_waits_for_has_one_try() -> None:
    program = ["/venv/bin/python", "-m", "smartstore.serving.backup"]
    for arguments, command in (([], ["create", "--keep", "3"]), (["restore", "x"], ["restore", "x"])):
        job = once(_job([*program, "create", "--keep", "3"]), arguments)
        assert job["spec"]["backoffLimit"] == 0
        assert job["spec"]["template"]["spec"]["containers"][0]["command"] == [*program, *command]


def test_kubectls_own_words_are_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["status", "demo", "-n", "shops"]) == 1
    assert capsys.readouterr().err.startswith("kubectl smartstore: kubectl cannot be run: No such file")


def test_a_command_without_a_name_is_wrong_usage() -> None:
    with pytest.raises(SystemExit) as error:
        main(["verify"])
    assert error.value.code == 2
