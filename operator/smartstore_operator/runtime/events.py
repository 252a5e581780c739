"""Events of a SmartStore: what `kubectl describe` shows of its turns. One for each turn, none for a pass as such."""

from datetime import UTC, datetime
from typing import Any, Literal

from smartstore_operator.runtime.api_server import ApiServer

_LONGEST_NOTE = 1024


async def record(
    server: ApiServer,
    live: dict[str, Any],
    kind: Literal["Normal", "Warning"],
    reason: str,
    note: str,
    action: str = "Reconcile",
) -> None:
    """Write one Event about the SmartStore.

    Raises:
        ApiError: the API server refused.
    """
    meta, now = live["metadata"], datetime.now(UTC)
    await server.create(
        {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {
                "name": f"{meta['name']}.{int(now.timestamp() * 1e6):x}",
                "namespace": meta["namespace"],
            },
            "eventTime": now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "type": kind,
            "reason": reason,
            "note": note[:_LONGEST_NOTE],
            "action": action,
            "reportingController": "smartstore.io/operator",
            "reportingInstance": "smartstore-operator",
            "regarding": {
                "apiVersion": live["apiVersion"],
                "kind": live["kind"],
                "name": meta["name"],
                "namespace": meta["namespace"],
                "uid": meta["uid"],
                "resourceVersion": meta["resourceVersion"],
            },
        }
    )
