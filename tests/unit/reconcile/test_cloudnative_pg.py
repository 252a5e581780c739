"""What CloudNativePG's statuses mean."""

from typing import Any

import pytest

from smartstore_operator.reconcile.cloudnative_pg import health
from smartstore_operator.reconcile.health import READY

pytestmark = pytest.mark.unit

HEALTHY = "Cluster in healthy state"


def _cluster(**status: Any) -> dict[str, Any]:
    return {"kind": "Cluster", "metadata": {"name": "demo-postgres"}, "status": status}


def _ready(status: str) -> list[dict[str, str]]:
    return [{"type": "ConsistentSystemID", "status": "True"}, {"type": "Ready", "status": status}]


def test_ready_counts_only_while_no_change_is_being_made() -> None:
    assert health(_cluster(conditions=_ready("True"), phase=HEALTHY)) == READY
    upgrading = health(_cluster(conditions=_ready("True"), phase="Upgrading cluster"))
    assert (upgrading.state, upgrading.message) == ("Progressing", "Cluster demo-postgres: Upgrading cluster")


def test_it_says_what_that_operator_says() -> None:
    assert health(_cluster()).message == "Cluster demo-postgres: CloudNativePG has not reported it ready yet"
    told = health(_cluster(conditions=_ready("False"), phase="Failing over", phaseReason="primary is gone"))
    assert told.message == "Cluster demo-postgres: Failing over: primary is gone"
