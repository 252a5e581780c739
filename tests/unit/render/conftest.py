"""A fixed machine to render for."""

import pytest

from smartstore_operator.render import Platform
from smartstore_operator.render.context import BUCKET_KEYS

PORTS = ("kafka", "kafka-controller", "valkey", "postgres", "connect")
METRICS = ("world", "bridge", "hot", "connectors", "lake")
GATEWAY = ("gateway", "gateway-metrics")
SECRETS = (
    "kafka",
    "redis",
    "postgres",
    "postgres-sink",
    "postgres-cdc",
    "postgres-gateway",
    "postgres-superuser",
)


@pytest.fixture
def platform() -> Platform:
    names = (*PORTS, *(f"{part}-metrics" for part in METRICS), *GATEWAY)
    return Platform(
        python="/venv/bin/python",
        java_home="/java",
        kafka_jars="/cache/jars/kafka",
        connect_jars="/cache/jars/connect",
        connect_plugins="/cache/plugins",
        spark_jars="/cache/jars/spark",
        postgres_bin="/postgres/bin",
        valkey_server="/valkey/valkey-server",
        data_dir="/data/my store",
        ports={name: 20_000 + number for number, name in enumerate(names)},
        secrets={
            **{f"{name}-password": f"secret-of-{name}" for name in SECRETS},
            **{name: f"secret-of-{name}" for name in BUCKET_KEYS},
        },
        cluster_id="MkU3OEVBNTcwNTJENDM2Qg",
    )
