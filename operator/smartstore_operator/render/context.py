"""What the modules of the components share: the spec, the platform, and the addresses that follow from both."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from smartstore.contracts.brokers import Brokers, Login
from smartstore.contracts.logins import GATEWAY, OWNER
from smartstore_operator.api.smartstore import Spec
from smartstore_operator.render.component import Probe
from smartstore_operator.render.platform import Platform

POSTGRES_DATABASE = "smartstore"
KAFKA_CA = "kafka-ca.pem"
"""File with the brokers' certificate authority, of each component that connects to them."""
KAFKA_PASSWORD = "kafka-password"
"""Password of our user of the brokers; only where they want a login."""
REDIS_PASSWORD = "redis-password"
POSTGRES_PASSWORD = "postgres-password"
"""Password of the owner of the schemas."""
POSTGRES_SINK_PASSWORD = "postgres-sink-password"
"""Password of the login that writes the contract tables."""
POSTGRES_CDC_PASSWORD = "postgres-cdc-password"
"""Password of the login that replicates the configuration."""
POSTGRES_GATEWAY_PASSWORD = "postgres-gateway-password"
"""Password of the login that looks up API keys; only where there is a gateway."""
POSTGRES_SUPERUSER_PASSWORD = "postgres-superuser-password"

BUCKET_KEYS: Mapping[str, str] = {
    "lake-access-key-id": "AWS_ACCESS_KEY_ID",
    "lake-secret-access-key": "AWS_SECRET_ACCESS_KEY",
}
"""The keys to the lake's bucket: secret, and the variable by which all tools know it. Its Secret has the same names."""
_AWS = "https://s3.amazonaws.com"

JVM_ENVIRONMENT: Mapping[str, str] = {"MALLOC_ARENA_MAX": "2"}
"""glibc keeps an arena per thread otherwise, which costs a JVM some 100 MB that its heap limit does not show."""

LATE_OPTIMIZING = (
    "-XX:Tier4InvocationThreshold=15000",
    "-XX:Tier4MinInvocationThreshold=1800",
    "-XX:Tier4CompileThreshold=45000",
    "-XX:Tier4BackEdgeThreshold=120000",
)
"""The optimizing compiler waits for three times its default number of calls. Three JVMs that start together on two
cores spend a third of their time in it otherwise; under load a hot method is there within a second."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """One SmartStore on one platform."""

    name: str
    spec: Spec
    platform: Platform
    run_file: str
    """The run's settings as JSON."""

    @property
    def kafka_bootstrap(self) -> str:
        """Brokers, host:port, comma separated."""
        return self.spec.kafka.bootstrap_servers or self.platform.address("kafka")

    def brokers(self, ca_file: str) -> Brokers:
        """How to reach Kafka, with password. `ca_file`: where the client has the file `KAFKA_CA`, if there is one."""
        if self.has_strimzi and self.spec.kafka.secured:
            login = Login(username=self.name, password=self.platform.secrets[KAFKA_PASSWORD])
            return Brokers(self.kafka_bootstrap, tls=True, ca_file=ca_file, login=login)
        user = self.spec.kafka.authentication
        return Brokers(
            bootstrap=self.kafka_bootstrap,
            tls=self.spec.kafka.tls is not None,
            ca_file=ca_file if self.platform.kafka_ca else "",
            login=Login(
                mechanism=user.mechanism,
                username=user.username,
                password=self.platform.secrets[KAFKA_PASSWORD],
            )
            if user
            else None,
        )

    @property
    def kafka_files(self) -> dict[str, str]:
        """The files of a component that connects to Kafka."""
        return {KAFKA_CA: self.platform.kafka_ca} if self.platform.kafka_ca else {}

    @property
    def kafka_replication(self) -> int:
        """Replication of topics; −1 leaves it to brokers that are not ours."""
        is_ours = self.spec.kafka.type != "External" and not self.has_strimzi
        return 1 if is_ours else -1

    @property
    def has_strimzi(self) -> bool:
        """Whether Strimzi runs the brokers."""
        return "Strimzi" in self.platform.operators

    @property
    def has_spark_operator(self) -> bool:
        """Whether the Spark operator runs the streaming applications."""
        return "SparkOperator" in self.platform.operators

    @property
    def has_connector_resources(self) -> bool:
        """Whether Strimzi runs Connect too, which then takes connectors from resources."""
        return self.has_strimzi and self.spec.connect.type == "Managed"

    @property
    def redis_address(self) -> str:
        """host:port of Redis."""
        redis = self.spec.redis
        return f"{redis.host}:{redis.port or 6379}" if redis.host else self.platform.address("valkey")

    @property
    def redis_url(self) -> str:
        """redis://:password@host:port/0."""
        return f"redis://:{quote(self.platform.secrets[REDIS_PASSWORD], safe='')}@{self.redis_address}/0"

    @property
    def postgres_address(self) -> str:
        """host:port of Postgres."""
        postgres = self.spec.postgres
        return (
            f"{postgres.host}:{postgres.port or 5432}" if postgres.host else self.platform.address("postgres")
        )

    @property
    def postgres_dsn(self) -> str:
        """libpq URL of the owner of the schemas, with password."""
        password = quote(self.platform.secrets[POSTGRES_PASSWORD], safe="")
        return f"postgresql://{OWNER}:{password}@{self.postgres_address}/{POSTGRES_DATABASE}"

    @property
    def gateway_dsn(self) -> str:
        """libpq URL of the gateway's login, with password."""
        password = quote(self.platform.secrets[POSTGRES_GATEWAY_PASSWORD], safe="")
        return f"postgresql://{GATEWAY}:{password}@{self.postgres_address}/{POSTGRES_DATABASE}"

    @property
    def gateway_password(self) -> dict[str, str]:
        """The variable with the password of the gateway's login, which migrate makes; empty without a gateway."""
        if not has_gateway(self.spec):
            return {}
        return {"SMARTSTORE_POSTGRES_GATEWAY_PASSWORD": self.platform.secrets[POSTGRES_GATEWAY_PASSWORD]}

    @property
    def connector_passwords(self) -> dict[str, str]:
        """The variables with the passwords of the connectors' logins: migrate makes the logins, Connect uses them."""
        secrets = self.platform.secrets
        return {
            "SMARTSTORE_POSTGRES_SINK_PASSWORD": secrets[POSTGRES_SINK_PASSWORD],
            "SMARTSTORE_POSTGRES_CDC_PASSWORD": secrets[POSTGRES_CDC_PASSWORD],
        }

    @property
    def connect_url(self) -> str:
        """Kafka Connect's REST address."""
        return self.spec.connect.url or f"http://{self.platform.address('connect')}"

    @property
    def lake_root(self) -> str:
        """Where the lake's tables lie: a directory, or a place in a bucket."""
        bucket = self.spec.lake.bucket
        if bucket is not None:
            return f"s3a://{bucket.name}/{bucket.prefix}"
        return f"{self.platform.state_dir('lake')}/tables"

    @property
    def lake_variables(self) -> dict[str, str]:
        """What a process needs to find the lake's tables; in a bucket, with the keys to it."""
        root, bucket = {"SMARTSTORE_LAKE_ROOT": self.lake_root}, self.spec.lake.bucket
        if bucket is None:
            return root
        keys = {variable: self.platform.secrets[name] for name, variable in BUCKET_KEYS.items()}
        return {**root, **keys, "AWS_REGION": bucket.region, **_of_another_store(bucket.endpoint)}

    @property
    def bucket_address(self) -> str | None:
        """The address of the lake's store, where it is in one."""
        bucket = self.spec.lake.bucket
        return (bucket.endpoint or _AWS) if self.spec.lake.enabled and bucket is not None else None

    @property
    def java(self) -> str:
        """The Java program."""
        return f"{self.platform.java_home}/bin/java"

    def config_file(self, component: str, name: str) -> str:
        """Absolute path of a component's file."""
        return f"{self.platform.config_dir(component)}/{name}"

    def probe_argv(self, kind: str, address: str) -> tuple[str, ...]:
        """The command that exits 0 once the server at `address` really answers."""
        return (self.platform.python, "-m", "smartstore_operator.embedded.probe", kind, address)


def _of_another_store(endpoint: str | None) -> dict[str, str]:
    if endpoint is None:
        return {}
    plain = {"AWS_ALLOW_HTTP": "true"} if endpoint.startswith("http:") else {}
    return {"AWS_ENDPOINT_URL": endpoint, **plain}


def connector_names(estate: str) -> str:
    """What the names of connectors begin with where they are resources, of which a namespace has one of each name."""
    return f"{estate}-"


def has_gateway(spec: Spec) -> bool:
    """Whether facts come from outside."""
    return spec.source.type == "External"


def http_probe(port: str, path: str = "/healthz", timeout_seconds: float = 120.0) -> Probe:
    """Ready when the component's port answers 200."""
    return Probe(kind="http", port=port, path=path, timeout_seconds=timeout_seconds)


def jvm_memory(heap_mebibytes: int) -> int:
    """MiB that a JVM takes with a heap of that size: code, threads and buffers come on top (docs/measurements.md)."""
    return heap_mebibytes + 384


def jvm_options(heap_mebibytes: int) -> tuple[str, ...]:
    """Options for a small server: a bounded heap, one collector thread, a clear death instead of a crawl."""
    return (
        f"-Xmx{heap_mebibytes}m",
        "-Xms64m",
        "-XX:+UseSerialGC",
        *LATE_OPTIMIZING,
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
        "-Djava.net.preferIPv4Stack=true",
    )


def console_logging(levels: Mapping[str, str]) -> str:
    """A log4j2 configuration that writes to standard output; `levels` maps loggers to their level."""
    lines = [
        "rootLogger.level=WARN",
        "rootLogger.appenderRef.console.ref=console",
        "appender.console.type=Console",
        "appender.console.name=console",
        "appender.console.layout.type=PatternLayout",
        "appender.console.layout.pattern=%d{ISO8601} %-5p %c{1}: %m%n",
    ]
    for number, (logger, level) in enumerate(levels.items()):
        lines += [f"logger.l{number}.name={logger}", f"logger.l{number}.level={level}"]
    return "\n".join(lines) + "\n"


def properties(values: Mapping[str, object]) -> str:
    """Java properties, one `name=value` a line. What is special there is escaped as in JSON."""
    return "".join(f"{name}={json.dumps(str(value))[1:-1]}\n" for name, value in values.items())
