"""What has drifted, and what is only somebody else's."""

from typing import Any

import pytest

from smartstore_operator.reconcile.drift import differences

pytestmark = pytest.mark.unit

WANTED: dict[str, Any] = {
    "metadata": {"labels": {"app": "demo"}},
    "spec": {
        "replicas": 1,
        "template": {
            "containers": [{"name": "main", "command": ["run", "it"], "env": [{"name": "A", "value": "1"}]}]
        },
    },
}


def _found(**changes: Any) -> dict[str, Any]:
    container = {"name": "main", "command": ["run", "it"], "env": [{"name": "A", "value": "1"}]}
    spec = {"replicas": 1, "template": {"containers": [{**container, **changes}]}, "paused": False}
    return {"metadata": {"labels": {"app": "demo", "team": "x"}, "uid": "1"}, "spec": spec, "status": {}}


def test_defaults_and_what_others_added_is_no_drift() -> None:
    assert differences(WANTED, _found()) == []
    assert differences(WANTED, _found(env=[{"name": "B", "value": "2"}, {"name": "A", "value": "1"}])) == []


def test_a_changed_a_missing_and_a_removed_field() -> None:
    changed, removed = _found(command=["run", "that"]), _found(env=[])
    assert differences(WANTED, changed) == ["spec.template.containers[main].command[1]"]
    assert differences(WANTED, removed) == ["spec.template.containers[main].env[A]"]
    assert differences({"a": {"b": 1}}, {}) == ["a"]


def test_a_list_without_names_must_be_as_long() -> None:
    assert differences({"command": ["a"]}, {"command": ["a", "b"]}) == ["command"]
    assert differences({"command": ["a"]}, {"command": "a"}) == ["command"]
