"""What is handed to a Prometheus operator, where the cluster has one: where metrics are, and when to call somebody.

https://prometheus-operator.dev/docs/api-reference/api/
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from smartstore_operator.api.marks import COMPONENT_LABEL, ESTATE_LABEL
from smartstore_operator.render.kubernetes.estate import Estate
from smartstore_operator.render.kubernetes.metadata import metadata, selector
from smartstore_operator.render.kubernetes.network import METRICS

API_VERSION = "monitoring.coreos.com/v1"
OPTIONAL = ("PodMonitor", "PrometheusRule")
"""Kinds that are applied only where the API server has them."""


@dataclass(frozen=True)
class Rule:
    """An alert: what must hold for how long, and what to tell whoever is called."""

    name: str
    condition: str
    """PromQL over the samples of one SmartStore, which `{}` selects."""
    lasting: str
    severity: Literal["critical", "warning"]
    summary: str
    mend: str


RULES = (
    Rule(
        "SmartStorePartDown",
        "up{} == 0",
        "5m",
        "critical",
        "{{ $labels.pod }} does not answer",
        "kubectl describe and logs of the pod; the condition of its component says what the operator knows",
    ),
    Rule(
        "SmartStoreApplicationStands",
        "increase(smartstore_application_records_total{}[15m]) == 0",
        "5m",
        "critical",
        "{{ $labels.application }} has read nothing for 15 minutes, not even ticks",
        "its log says what it waits for; then world and bridge, which write the ticks",
    ),
    Rule(
        "SmartStoreApplicationBehind",
        "smartstore_application_lag_records{} > 500000",
        "15m",
        "warning",
        "{{ $labels.application }} is {{ $value }} records behind",
        "give its driver more memory or cores, or split the stores: streaming.hot.shards with a savepoint",
    ),
    Rule(
        "SmartStoreConnectorFailed",
        "smartstore_connector_task_failed{} > 0",
        "10m",
        "critical",
        "a task of connector {{ $labels.connector }} has failed and does not come back",
        "the connector's status names the error; what Postgres refuses goes to the connector's dead letters",
    ),
    Rule(
        "SmartStoreServingBehind",
        "sum without (connector) (smartstore_connector_sink_lag_records{}) > 500000",
        "15m",
        "warning",
        "Postgres is {{ $value }} records behind Kafka",
        "look for slow queries and locks in Postgres, and at the memory of Connect",
    ),
    Rule(
        "SmartStoreBridgeBehind",
        "sum without (stream) (smartstore_bridge_backlog{}) > 200000",
        "10m",
        "critical",
        "{{ $value }} entries wait in Valkey, whose memory is bounded",
        "the bridge's log says whether Kafka takes records; the gateway answers 429 when the buffer is full",
    ),
    Rule(
        "SmartStoreLakeMissedRecords",
        "increase(smartstore_lake_missed_total{}[1h]) > 0",
        "0m",
        "critical",
        "Kafka deleted records of {{ $labels.topic }} before the lake had read them",
        "the lake was away for longer than the topic's retention; smartstore verify says what is missing",
    ),
    Rule(
        "SmartStoreRecordsInQuarantine",
        "increase(smartstore_lake_quarantined_total{}[1h]) > 0",
        "0m",
        "warning",
        "records of {{ $labels.topic }} cannot be decoded",
        "the table quarantine/{{ $labels.topic }} has them with their reason",
    ),
)


def objects(estate: Estate) -> Iterator[dict[str, Any]]:
    """Those that the spec wants."""
    monitoring = estate.spec.monitoring
    if monitoring.pod_monitors.enabled:
        yield _pod_monitor(estate)
    if monitoring.rules.enabled:
        yield _rules(estate)


def _pod_monitor(estate: Estate) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "PodMonitor",
        "metadata": metadata(estate.name, estate.namespace),
        "spec": {
            "selector": {"matchLabels": selector(estate.name)},
            "podTargetLabels": [ESTATE_LABEL, COMPONENT_LABEL],
            "podMetricsEndpoints": [{"port": METRICS, "path": "/metrics", "interval": "30s"}],
        },
    }


def _rules(estate: Estate) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "PrometheusRule",
        "metadata": metadata(estate.name, estate.namespace),
        "spec": {
            "groups": [
                {
                    "name": f"smartstore.{estate.namespace}.{estate.name}",
                    "rules": [_alert(estate, rule) for rule in RULES],
                }
            ]
        },
    }


def _alert(estate: Estate, rule: Rule) -> dict[str, Any]:
    # Prometheus writes the labels of pods with underscores.
    label = "".join(letter if letter.isalnum() else "_" for letter in ESTATE_LABEL)
    chosen = f'{{namespace="{estate.namespace}",{label}="{estate.name}"}}'
    return {
        "alert": rule.name,
        "expr": rule.condition.replace("{}", chosen),
        "for": rule.lasting,
        "labels": {"severity": rule.severity, "smartstore": estate.name},
        "annotations": {
            "summary": f"{estate.namespace}/{estate.name}: {rule.summary}",
            "description": rule.mend,
        },
    }
