"""Who has applied a field; the sets of fields are as the API server writes them."""

from typing import Any

import pytest

from smartstore_operator.reconcile.drift import as_text, differing
from smartstore_operator.reconcile.ownership import appliers

pytestmark = pytest.mark.unit

CONTAINER: dict[str, Any] = {
    "name": "main",
    "args": ["run", "it"],
    "env": [{"name": "A", "value": "1"}],
    "ports": [{"name": "http", "containerPort": 80, "protocol": "TCP", "hostPort": 80}],
}
WANTED: dict[str, Any] = {"data": {"run.json": "x"}, "spec": {"replicas": 1, "containers": [CONTAINER]}}


def _found(fields: dict[str, Any], manager: str = "flux", operation: str = "Apply") -> dict[str, Any]:
    """All of it differs, and one entry says whose some of it is."""
    ports = [{"name": "http", "containerPort": 80, "protocol": "TCP", "hostPort": 81}]
    container = {
        "name": "main",
        "args": ["run", "that"],
        "env": [{"name": "A", "value": "2"}],
        "ports": ports,
    }
    entry = {"manager": manager, "operation": operation, "fieldsType": "FieldsV1", "fieldsV1": fields}
    return {
        "metadata": {"managedFields": [entry]},
        "data": {"run.json": "y"},
        "spec": {"replicas": 0, "containers": [container]},
    }


def _applied(found: dict[str, Any]) -> list[str]:
    return [as_text(path) for path in differing(WANTED, found) if appliers(path, found) == ["flux"]]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"f:spec": {"f:replicas": {}}}, "spec.replicas"),
        ({"f:data": {"f:run.json": {}}}, "data.run.json"),
        (
            {"f:spec": {"f:containers": {'k:{"name":"main"}': {".": {}, "f:args": {}}}}},
            "spec.containers[main].args[1]",
        ),
        (
            {
                "f:spec": {
                    "f:containers": {'k:{"name":"main"}': {"f:env": {'k:{"name":"A"}': {"f:value": {}}}}}
                }
            },
            "spec.containers[main].env[A].value",
        ),
        (
            {
                "f:spec": {
                    "f:containers": {
                        'k:{"name":"main"}': {
                            "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {"f:hostPort": {}}}
                        }
                    }
                }
            },
            "spec.containers[main].ports[http].hostPort",
        ),
    ],
)
def test_the_field_that_another_applier_has(fields: dict[str, Any], expected: str) -> None:
    assert _applied(_found(fields)) == [expected]


def test_what_is_applied_as_a_whole_has_all_that_is_in_it() -> None:
    assert _applied(_found({"f:spec": {"f:containers": {}}})) == [
        "spec.containers[main].args[1]",
        "spec.containers[main].env[A].value",
        "spec.containers[main].ports[http].hostPort",
    ]


def test_another_item_of_the_list_is_not_ours() -> None:
    assert _applied(_found({"f:spec": {"f:containers": {'k:{"name":"other"}': {"f:args": {}}}}})) == []


def test_who_updates_has_changed_it_and_who_we_are_is_no_other() -> None:
    fields: dict[str, Any] = {"f:spec": {"f:replicas": {}}}
    assert _applied(_found(fields, "kubectl-edit", "Update")) == []
    (path,) = (path for path in differing(WANTED, _found(fields)) if path == ("spec", "replicas"))
    assert appliers(path, _found(fields, "smartstore-operator")) == []
    assert appliers(path, {"metadata": {}}) == []
