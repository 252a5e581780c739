"""The status of a SmartStore, as the API server keeps it; `reconcile` writes it."""

from typing import Any

_Schema = dict[str, Any]
_ENDPOINTS = {
    "kafka": "the brokers",
    "redis": "Valkey",
    "postgres": "Postgres",
    "connect": "Kafka Connect",
    "gateway": "the gateway, for source type External",
    "lake": "the store with the lake's bucket, for lake type S3",
}


def status_schema() -> _Schema:
    """The status in the dialect of the API server."""
    return _fields(
        "What the SmartStore is, as the operator saw it last.",
        observedGeneration=_integer("Generation of the spec that the rest speaks of."),
        stores=_integer("How many stores are served, as the source says."),
        selector=_text("Selects the pods of this SmartStore; for kubectl scale and autoscalers."),
        endpoints=_fields(
            "Addresses within the cluster, by system.",
            **{name: _text(f"Of {what}.") for name, what in _ENDPOINTS.items()},
        ),
        applications={
            "type": "array",
            "description": "What the streaming applications said when they were asked last.",
            "items": _fields(
                "One of them.",
                name=_text("Its component: hot, hot-0, lake."),
                restarts=_integer("How often its container was started again."),
                lagRecords=_integer("Records that it has not read yet."),
                lastBatchSeconds={"type": "number", "description": "How long its last micro-batch took."},
                jobs={
                    "type": "array",
                    "description": "Its stock jobs.",
                    "items": _fields(
                        "One job.",
                        name=_text("Its name."),
                        tick=_moment(
                            "The tick that its slowest store has acknowledged, in the time of the stores."
                        ),
                    ),
                },
            ),
        },
        applicationsAt=_moment("When the applications were asked."),
        overrides={
            "type": "array",
            "description": "Objects that `spec.overrides` changes.",
            "items": _text("Kind and name, like StatefulSet/demo-hot."),
        },
        pendingChanges={
            "type": "array",
            "description": "Changes that wait for a maintenance window.",
            "items": _fields(
                "What waits of a component.",
                component=_text("Name of the component."),
                objects={
                    "type": "array",
                    "description": "Its objects, like StatefulSet/demo-hot.",
                    "items": _text("Kind and name."),
                },
                until=_moment("When the window opens."),
            ),
        },
        conditions={
            "type": "array",
            "description": "Ready, and one for each component.",
            "items": {
                **_condition(),
                "required": ["type", "status", "lastTransitionTime", "reason", "message"],
            },
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )


def _condition() -> _Schema:
    return _fields(
        "Whether one thing holds.",
        type=_text("Ready, or the component's name and Ready: HotReady, Hot0Ready, KafkaReady."),
        status={**_text("Whether it holds."), "enum": ["True", "False", "Unknown"]},
        reason=_text("Why, as one word for machines."),
        message=_text("What is wrong, where, and what to do; empty when nothing is wrong."),
        lastTransitionTime=_moment("When the status last became another one."),
        observedGeneration=_integer("Generation of the spec that it speaks of."),
    )


def _fields(description: str, **fields: _Schema) -> _Schema:
    return {"type": "object", "description": description, "properties": fields}


def _text(description: str) -> _Schema:
    return {"type": "string", "description": description}


def _moment(description: str) -> _Schema:
    return {"type": "string", "format": "date-time", "description": description}


def _integer(description: str) -> _Schema:
    return {"type": "integer", "format": "int64", "description": description}
