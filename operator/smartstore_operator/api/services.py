"""The systems underneath: Kafka, Redis, Postgres, Kafka Connect, the lake's storage."""

from datetime import timedelta
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from smartstore.contracts.brokers import Mechanism
from smartstore_operator.api.block import Between, Block
from smartstore_operator.api.scalars import Duration, Size

Port = Annotated[int, Field(ge=1, le=65535)]
Host = Annotated[str, Field(min_length=1, max_length=253)]
BootstrapServers = Annotated[str, Field(pattern=r"^[^\s,:]+:[0-9]{1,5}(,[^\s,:]+:[0-9]{1,5})*$")]
HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s/]+(/\S*)?$")]

ONE_MACHINE_PORT = (
    "On one machine: the port to listen on; without it a free one is chosen. No effect in a cluster."
)


class ExternalChoice(Block):
    """A system that SmartStore runs or that exists already; then `external_field` says where.

    `external_options` are further fields that only type External has.
    """

    external_field: ClassVar[str]
    external_options: ClassVar[tuple[str, ...]] = ()

    type: str

    @model_validator(mode="after")
    def _check_external(self) -> Self:
        is_external = self.type == "External"
        if is_external and getattr(self, self.external_field) is None:
            raise ValueError(f"type External needs {self._yaml_name(self.external_field)}")
        for field in (self.external_field, *self.external_options):
            if getattr(self, field) is not None and not is_external:
                raise ValueError(f"{self._yaml_name(field)} is for type External only")
        return self

    @classmethod
    def _yaml_name(cls, field: str) -> str:
        return cls.model_fields[field].alias or field

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        is_external, name = "has(self.type) && self.type == 'External'", cls._yaml_name(cls.external_field)
        rule = f"({is_external}) == has(self.{name})"
        message = f"type External needs {name}, and only type External has it"
        rules = [{"rule": rule, "message": message}]
        for option in map(cls._yaml_name, cls.external_options):
            rule = f"({is_external}) || !has(self.{option})"
            rules.append({"rule": rule, "message": f"{option} is for type External only"})
        resolved = handler.resolve_ref_schema(handler(schema))
        resolved["x-kubernetes-validations"] = rules
        return resolved


class SecretKey(Block):
    """A value in a Secret of the same namespace."""

    name: Annotated[str, Field(min_length=1, max_length=253)] = Field(description="Name of the Secret.")
    key: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        default="password", description="Key of the value; password if not given."
    )


class CertificateKey(SecretKey):
    """Certificates (PEM) in a Secret of the same namespace."""

    key: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        default="ca.crt", description="Key of the certificates; ca.crt if not given."
    )


class Tls(Block):
    """How the brokers' certificates are judged."""

    ca_secret: CertificateKey | None = Field(
        default=None,
        description="The certificate authority of the brokers, in a cluster; without it they need a certificate of a "
        "public one. On one machine the variable SMARTSTORE_KAFKA_CA_FILE names its file.",
    )


class KafkaLogin(Block):
    """The user that SmartStore is for the brokers."""

    mechanism: Mechanism = Field(
        default="SCRAM-SHA-512",
        description="How the password is proved, SCRAM-SHA-512 if not given; PLAIN shows it to the broker.",
    )
    username: Annotated[str, Field(min_length=1, max_length=253)] = Field(description="Name of the user.")
    password_secret: SecretKey | None = Field(
        default=None,
        description="The password of the user, in a cluster. On one machine the variable SMARTSTORE_KAFKA_PASSWORD "
        "has it.",
    )


class Kafka(ExternalChoice):
    """The brokers."""

    external_field = "bootstrap_servers"
    external_options = ("tls", "authentication")

    type: Literal["Strimzi", "SingleNode", "External"] = Field(
        default="Strimzi",
        description="Strimzi: brokers run by the Strimzi operator. SingleNode: one KRaft node of our own, for "
        "laptops and CI. External: brokers that exist. One machine runs a single node for the first two.",
    )
    partitions: Annotated[int, Field(ge=1, le=512)] = Field(
        default=4, description="Partitions of every topic; cannot change once there is data."
    )
    heap: Size = Field(default="512Mi", description="Largest Java heap of a broker.")
    storage: Size = Field(default="20Gi", description="Size of a broker's volume. No effect on one machine.")
    replicas: Annotated[int, Field(ge=1, le=99)] = Field(
        default=1,
        description="How many brokers Strimzi runs; topics are on three of them, or on all if there are fewer.",
    )
    version: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$", max_length=16)] | None = Field(
        default=None, description="Kafka's version, for type Strimzi; without it that operator chooses."
    )
    port: Port | None = Field(default=None, description=ONE_MACHINE_PORT)
    bootstrap_servers: BootstrapServers | None = Field(
        default=None, description="The brokers as host:port, comma separated, for type External."
    )
    tls: Tls | None = Field(
        default=None,
        description="Connections are encrypted, for type External; {} will do for public certificates.",
    )
    authentication: KafkaLogin | None = Field(
        default=None, description="The brokers want a login, for type External."
    )


class Redis(ExternalChoice):
    """The buffer in front of Kafka, a Valkey or Redis server."""

    external_field = "host"

    type: Literal["Managed", "External"] = Field(
        default="Managed",
        description="Managed: run by SmartStore. External: a server that exists, at host and port.",
    )
    memory: Size = Field(
        default="512Mi",
        description="Most memory for data; when it is full the source waits, nothing is evicted. For type Managed.",
    )
    host: Host | None = Field(default=None, description="The server's name or address, for type External.")
    port: Port | None = Field(
        default=None,
        description="Managed: " + ONE_MACHINE_PORT + " External: the server's port (default 6379).",
    )
    password_secret: SecretKey | None = Field(
        default=None,
        description="The password of the server, for type External in a cluster. On one machine the variable "
        "SMARTSTORE_REDIS_PASSWORD has it.",
    )


class Postgres(ExternalChoice):
    """The serving database."""

    external_field = "host"

    type: Literal["Managed", "CloudNativePG", "External"] = Field(
        default="Managed",
        description="Managed: one server run by SmartStore. CloudNativePG: a cluster of that operator (one machine "
        "runs a Managed server instead). External: a server that exists, at host and port.",
    )
    memory: Size = Field(default="128Mi", description="Shared buffers, for a server that is not External.")
    storage: Size = Field(default="10Gi", description="Size of a server's volume. No effect on one machine.")
    instances: Annotated[int, Field(ge=1, le=9)] = Field(
        default=1, description="How many servers CloudNativePG runs: one that writes, the others follow it."
    )
    host: Host | None = Field(default=None, description="The server's name or address, for type External.")
    port: Port | None = Field(
        default=None,
        description="Managed: " + ONE_MACHINE_PORT + " External: the server's port (default 5432).",
    )
    password_secret: SecretKey | None = Field(
        default=None,
        description="The password of the login smartstore, which owns the database smartstore, may make roles and "
        "replicate; for type External in a cluster. On one machine the variable SMARTSTORE_POSTGRES_PASSWORD has it.",
    )


class Connect(ExternalChoice):
    """Kafka Connect, which carries topics into Postgres and configuration back."""

    external_field = "url"

    type: Literal["Managed", "External"] = Field(
        default="Managed",
        description="Managed: workers run by SmartStore. External: workers that exist, with the Debezium plugins.",
    )
    heap: Size = Field(default="320Mi", description="Largest Java heap of a worker, for type Managed.")
    port: Port | None = Field(default=None, description=ONE_MACHINE_PORT)
    url: HttpUrl | None = Field(default=None, description="The REST interface, for type External.")


class Lake(Block):
    """Whether there is a lakehouse, and where it is kept."""

    enabled: bool = Field(default=True, description="Whether topics are kept as Delta tables.")
    type: Literal["Volume", "S3"] = Field(
        default="Volume",
        description="A volume or an S3 bucket. On one machine it is a directory, whatever this says.",
    )
    size: Size = Field(default="20Gi", description="Size of the volume. No effect on one machine.")
    retention: Annotated[Duration, Between(timedelta(hours=1), timedelta(days=366))] = Field(
        default=timedelta(hours=24),
        description="How long files are kept that no current version of a table uses, in whole hours; so long a "
        "reader may take, and so far back earlier versions can be read.",
    )
