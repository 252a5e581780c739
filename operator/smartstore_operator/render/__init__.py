"""Pure: a SmartStore spec becomes components; components become Kubernetes objects or processes."""

from smartstore_operator.render.component import Component, Probe
from smartstore_operator.render.platform import Platform, PortRequest
from smartstore_operator.render.rendering import Rendered, port_requests, render, secret_names

__all__ = [
    "Component",
    "Platform",
    "PortRequest",
    "Probe",
    "Rendered",
    "port_requests",
    "render",
    "secret_names",
]
