"""Conditions by health."""

import pytest

from smartstore_operator.reconcile.conditions import condition_type, conditions, refused
from smartstore_operator.reconcile.health import READY, Health

pytestmark = pytest.mark.unit

T1, T2 = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"
SLOW = Health("Progressing", "PodNotReady", "0 of 1 pods are ready")
BROKEN = Health("Degraded", "CrashLoopBackOff", "pod demo-hot-0 crashes")


def test_all_ready() -> None:
    found = conditions({"kafka": READY, "hot-0": READY}, [], 3, T1)
    assert [(c["type"], c["status"]) for c in found] == [
        ("Ready", "True"),
        ("KafkaReady", "True"),
        ("Hot0Ready", "True"),
    ]
    assert {c["observedGeneration"] for c in found} == {3}
    assert {c["lastTransitionTime"] for c in found} == {T1}


def test_what_is_broken_is_named_before_what_only_takes_time() -> None:
    ready, *_ = conditions({"kafka": SLOW, "hot": BROKEN, "lake": SLOW}, [], 1, T1)
    assert ready["reason"] == "ComponentDegraded"
    assert ready["message"] == "hot: pod demo-hot-0 crashes (and 2 more)"


def test_the_time_changes_with_the_status_only() -> None:
    first = conditions({"kafka": SLOW, "hot": SLOW}, [], 1, T1)
    second = conditions({"kafka": READY, "hot": BROKEN}, first, 2, T2)
    times = {c["type"]: c["lastTransitionTime"] for c in second}
    assert times == {"Ready": T1, "KafkaReady": T2, "HotReady": T1}
    assert conditions({"kafka": READY, "hot": BROKEN}, second, 2, "later") == second


def test_a_refused_spec_leaves_the_components_as_they_were() -> None:
    before = conditions({"kafka": READY}, [], 1, T1)
    found = refused("InvalidSpec", "spec.stores: at least 1", before, 2, T2)
    assert found[0]["status"] == "False"
    assert found[0]["lastTransitionTime"] == T2
    assert found[1:] == before[1:]
    assert refused("InvalidSpec", "spec.stores: at least 1", found, 2, "later") == found


def test_types() -> None:
    assert condition_type("valkey") == "ValkeyReady"
    assert condition_type("hot-12") == "Hot12Ready"
