"""Alerts speak of metrics that there are, and PodMonitors of ports that pods have."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from smartstore.ingest.telemetry import BridgeMetrics
from smartstore.lake.metrics import Metrics as LakeMetrics
from smartstore.serving.connectors.metrics import Metrics as ConnectorMetrics
from smartstore.streaming.statistics import Statistics
from smartstore_operator.api.load import validate_smartstore
from smartstore_operator.api.smartstore import API_VERSION, KIND
from smartstore_operator.render import secret_names
from smartstore_operator.render.kubernetes import manifests, place
from smartstore_operator.render.kubernetes.monitoring import RULES
from tests.specs import IMAGES, plain

pytestmark = pytest.mark.unit


def _objects() -> list[dict[str, Any]]:
    document = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": "demo"}, "spec": plain()}
    smartstore = validate_smartstore(document)
    secrets = dict.fromkeys(secret_names(smartstore), "x")
    platform = place(smartstore, "shops", secrets, "MkU3OEVBNTcwNTJENDM2Qg")
    return [dict(each) for each in manifests(smartstore, platform, "shops", IMAGES)]


def _metrics() -> Iterator[str]:
    """The names of what our processes export."""
    hot, lake, connectors = CollectorRegistry(), CollectorRegistry(), CollectorRegistry()
    Statistics(hot, "hot")
    LakeMetrics(lake)
    ConnectorMetrics(connectors)
    for registry in (hot, lake, connectors, BridgeMetrics().registry):
        for family in registry.collect():
            yield f"{family.name}_total" if family.type == "counter" else family.name


def test_alerts_speak_of_metrics_that_there_are() -> None:
    known = set(_metrics())
    for rule in RULES:
        named = set(re.findall(r"smartstore_\w+", rule.condition))
        assert named <= known, rule.name
        assert rule.condition.count("{}") == 1, "each alert is about one SmartStore"


def test_alerts_are_of_one_smartstore() -> None:
    (found,) = (each for each in _objects() if each["kind"] == "PrometheusRule")
    rules = found["spec"]["groups"][0]["rules"]
    assert len({rule["alert"] for rule in rules}) == len(RULES)
    for rule in rules:
        assert '{namespace="shops",app_kubernetes_io_instance="demo"}' in rule["expr"]


def test_every_pod_with_metrics_has_the_port_that_is_read() -> None:
    objects = _objects()
    (monitor,) = (each for each in objects if each["kind"] == "PodMonitor")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    with_metrics = set()
    for each in objects:
        if each["kind"] in ("StatefulSet", "Deployment"):
            (container,) = each["spec"]["template"]["spec"]["containers"]
            if endpoint["port"] in {port["name"] for port in container.get("ports", ())}:
                with_metrics.add(each["metadata"]["name"])
    assert with_metrics == {f"demo-{name}" for name in ("world", "bridge", "hot", "connectors", "lake")}
