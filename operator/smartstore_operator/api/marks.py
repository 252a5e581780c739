"""Labels and annotations of what the operator makes."""

from collections.abc import Mapping

NAME_LABEL = "app.kubernetes.io/name"
ESTATE_LABEL = "app.kubernetes.io/instance"
COMPONENT_LABEL = "app.kubernetes.io/component"
MANAGER_LABEL = "app.kubernetes.io/managed-by"

STRIMZI_CLUSTER = "strimzi.io/cluster"

RENDERING = "smartstore.io/rendering"
CONFIG_CHECKSUM = "smartstore.io/config-checksum"
CONNECTOR_RESOURCES = "strimzi.io/use-connector-resources"
HIBERNATION = "cnpg.io/hibernation"

LABELS: Mapping[str, str] = {
    NAME_LABEL: "`smartstore`, on every object, pod and volume claim.",
    ESTATE_LABEL: "Name of the SmartStore, on every object, pod and volume claim.",
    COMPONENT_LABEL: "Name of the component, like `hot`, on what belongs to one.",
    MANAGER_LABEL: "`smartstore-operator`, on every object that the operator made; one that has it and is not wanted "
    "any more is deleted.",
    STRIMZI_CLUSTER: "On Strimzi's resources: the cluster that they belong to, by which that operator finds them.",
}
"""Where each label is, and its value."""

ANNOTATIONS: Mapping[str, str] = {
    RENDERING: "Digest of what an object was rendered to. What differs under the same digest was changed by somebody "
    "else, and is taken back.",
    CONFIG_CHECKSUM: "On pods: digest of their files and variables, without the number of stores. Another one starts "
    "the pod again.",
    CONNECTOR_RESOURCES: "`true`, on the KafkaConnect: Strimzi takes connectors from KafkaConnectors.",
    HIBERNATION: "`on` or `off`, on the Cluster: whether CloudNativePG lets the servers rest, as `suspend` says.",
}
"""What each annotation says."""
