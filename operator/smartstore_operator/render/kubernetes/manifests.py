"""All objects of a SmartStore, in the order in which they are applied."""

from collections.abc import Iterator, Mapping
from typing import Any

from smartstore_operator.api.smartstore import SmartStore
from smartstore_operator.render.component import Component
from smartstore_operator.render.kubernetes import cloudnative_pg, monitoring, spark, strimzi
from smartstore_operator.render.kubernetes.configuration import configuration, secret_configuration
from smartstore_operator.render.kubernetes.estate import Estate
from smartstore_operator.render.kubernetes.images import Images
from smartstore_operator.render.kubernetes.metadata import metadata
from smartstore_operator.render.kubernetes.network import component_policy, default_deny, service
from smartstore_operator.render.kubernetes.overrides import overridden
from smartstore_operator.render.kubernetes.resources import has_own_claim
from smartstore_operator.render.kubernetes.workload import claim, workload
from smartstore_operator.render.platform import Platform
from smartstore_operator.render.rendering import Rendered, render

Manifest = Mapping[str, Any]
"""One Kubernetes object as the API server takes it."""


def manifests(
    smartstore: SmartStore, platform: Platform, namespace: str, images: Images
) -> tuple[Manifest, ...]:
    """What the operator applies: first what all share, then each component after what it needs.

    `platform` is what `place` gives for the same object and namespace. The same input gives the same objects.

    Raises:
        SpecError: an override cannot be followed.
    """
    rendered = awake(smartstore, platform)
    components = (*rendered.components, *rendered.tasks)
    estate = Estate(
        name=smartstore.name,
        namespace=namespace,
        images=images,
        platform=platform,
        spec=smartstore.spec,
        components=components,
        declared=rendered.declared,
        endpoints=rendered.endpoints,
    )
    own = [manifest for component in components for manifest in _of_component(estate, component)]
    return tuple(overridden((*_shared(estate), *own), smartstore.spec.overrides))


def awake(smartstore: SmartStore, platform: Platform) -> Rendered:
    """What a SmartStore consists of in a cluster, where one that is suspended has no pods but all its objects."""
    awake = smartstore.spec.model_copy(update={"suspend": False})
    return render(smartstore.model_copy(update={"spec": awake}), platform)


def _shared(estate: Estate) -> Iterator[Manifest]:
    yield {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(estate.name, estate.namespace),
        "automountServiceAccountToken": False,
    }
    yield default_deny(estate)
    yield from monitoring.objects(estate)


def _of_component(estate: Estate, component: Component) -> Iterator[Manifest]:
    if cloudnative_pg.replaces(estate, component):
        yield from cloudnative_pg.objects(estate, component)
    elif spark.replaces(estate, component):
        yield from spark.objects(estate, component)
    elif not strimzi.replaces(estate, component):
        yield from _of_our_own(estate, component)
    elif (secret := secret_configuration(estate, component)) is not None:
        yield secret
    if "Strimzi" in estate.platform.operators:
        yield from strimzi.objects(estate, component)


def _of_our_own(estate: Estate, component: Component) -> Iterator[Manifest]:
    for settings in (configuration(estate, component), secret_configuration(estate, component)):
        if settings is not None:
            yield settings
    if component.ports:
        yield service(estate, component)
    yield component_policy(estate, component)
    if has_own_claim(component):
        yield claim(estate, component, "ReadWriteOnce")
    yield workload(estate, component)
