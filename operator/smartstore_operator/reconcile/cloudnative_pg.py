"""What CloudNativePG says of a Cluster, as health. Pure.

Its conditions do not say which generation they are about, and `Ready` stays while a change is being made; the phase,
one of its fixed sentences, tells that one is.
"""

from collections.abc import Mapping
from typing import Any

from smartstore_operator.api.reasons import Reason
from smartstore_operator.reconcile.health import READY, Health, shortened

_HEALTHY = "Cluster in healthy state"


def health(cluster: Mapping[str, Any]) -> Health:
    """The health of a Cluster."""
    status = cluster.get("status") or {}
    conditions = {condition["type"]: condition["status"] for condition in status.get("conditions", [])}
    phase = status.get("phase", "")
    if conditions.get("Ready") == "True" and phase == _HEALTHY:
        return READY
    name = cluster["metadata"]["name"]
    told = ": ".join(text for text in (phase, status.get("phaseReason", "")) if text)
    text = shortened(f"Cluster {name}: {told or 'CloudNativePG has not reported it ready yet'}")
    return Health("Progressing", Reason.WAITING_FOR_CLOUDNATIVE_PG, text)
