"""The kinds of objects that the operator reads and writes."""

from collections.abc import Mapping

from smartstore_operator.render.kubernetes import monitoring
from smartstore_operator.render.platform import Operator

KINDS: Mapping[str, tuple[str, str]] = {
    "ConfigMap": ("v1", "configmaps"),
    "Secret": ("v1", "secrets"),
    "Service": ("v1", "services"),
    "ServiceAccount": ("v1", "serviceaccounts"),
    "Pod": ("v1", "pods"),
    "PersistentVolumeClaim": ("v1", "persistentvolumeclaims"),
    "StatefulSet": ("apps/v1", "statefulsets"),
    "Deployment": ("apps/v1", "deployments"),
    "Job": ("batch/v1", "jobs"),
    "CronJob": ("batch/v1", "cronjobs"),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies"),
    "Kafka": ("kafka.strimzi.io/v1", "kafkas"),
    "KafkaNodePool": ("kafka.strimzi.io/v1", "kafkanodepools"),
    "KafkaTopic": ("kafka.strimzi.io/v1", "kafkatopics"),
    "KafkaUser": ("kafka.strimzi.io/v1", "kafkausers"),
    "KafkaConnect": ("kafka.strimzi.io/v1", "kafkaconnects"),
    "KafkaConnector": ("kafka.strimzi.io/v1", "kafkaconnectors"),
    "SparkApplication": ("sparkoperator.k8s.io/v1beta2", "sparkapplications"),
    "Cluster": ("postgresql.cnpg.io/v1", "clusters"),
    **{kind: (monitoring.API_VERSION, f"{kind.lower()}s") for kind in monitoring.OPTIONAL},
    "ResourceQuota": ("v1", "resourcequotas"),
    "Event": ("events.k8s.io/v1", "events"),
    "Lease": ("coordination.k8s.io/v1", "leases"),
    "SmartStore": ("smartstore.io/v1alpha1", "smartstores"),
}
"""Group with version, and plural, by kind."""

WORKLOADS = ("StatefulSet", "Deployment", "Job")
OF_OPERATORS: Mapping[Operator, tuple[str, ...]] = {
    "Strimzi": ("Kafka", "KafkaNodePool", "KafkaUser", "KafkaTopic", "KafkaConnect", "KafkaConnector"),
    "SparkOperator": ("SparkApplication",),
    "CloudNativePG": ("Cluster",),
}
"""Kinds that an API server has only where that operator is installed."""
STARTED = (*WORKLOADS, *(kind for kinds in OF_OPERATORS.values() for kind in kinds))
"""What starts something, so that it waits for what its component needs."""
CHILDREN = (
    *("ServiceAccount", "ConfigMap", "Secret", "PersistentVolumeClaim", "Service", "NetworkPolicy"),
    *STARTED,
    "CronJob",
    *monitoring.OPTIONAL,
)
"""Kinds that render yields."""
HOLDING_DATA = ("PersistentVolumeClaim", "KafkaTopic", "Cluster")
"""Kinds whose deletion deletes data; the operator deletes none by itself."""
