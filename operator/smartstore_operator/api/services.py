"""The systems underneath: Kafka, Redis, Postgres, Kafka Connect, the lake's storage."""

from datetime import timedelta
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from smartstore.contracts.brokers import Mechanism
from smartstore_operator.api.block import RULES, Between, Block
from smartstore_operator.api.problems import FieldError
from smartstore_operator.api.scalars import (
    BUCKET_PATTERN,
    HOST_PATTERN,
    PREFIX_PATTERN,
    REGION_PATTERN,
    SERVERS_PATTERN,
    URL_PATTERN,
    VERSION_PATTERN,
    Duration,
    Schedule,
    Size,
)

Port = Annotated[int, Field(ge=1, le=65535)]
Host = Annotated[str, Field(pattern=HOST_PATTERN, max_length=253)]
BootstrapServers = Annotated[str, Field(pattern=SERVERS_PATTERN, max_length=2048)]
HttpUrl = Annotated[str, Field(pattern=URL_PATTERN, max_length=2048)]

ONE_MACHINE_PORT = (
    "On one machine: the port to listen on; without it a free one is chosen. No effect in a cluster."
)
_SERVER_PORT = (
    "For type External: the port of the server (default {0}). Else on one machine: the port to listen on; without it a "
    "free one is chosen. In a cluster a server of ours has {0}."
)


_NEEDED = "type {0} needs it; say where the system is"
_NOT_NEEDED = "it is for type {0} only; leave it out, or choose that type"


class ExternalChoice(Block):
    """A system that SmartStore runs or that exists already; then `external_field` says where.

    `external_type` is the type that means so; `external_options` are further fields that only it has.
    """

    external_type: ClassVar[str] = "External"
    external_field: ClassVar[str]
    external_options: ClassVar[tuple[str, ...]] = ()

    type: str

    @model_validator(mode="after")
    def _check_external(self) -> Self:
        is_external = self.type == self.external_type
        if is_external and getattr(self, self.external_field) is None:
            raise FieldError(self._yaml_name(self.external_field), _NEEDED.format(self.external_type))
        for field in (self.external_field, *self.external_options):
            if getattr(self, field) is not None and not is_external:
                raise FieldError(self._yaml_name(field), _NOT_NEEDED.format(self.external_type))
        return self

    @classmethod
    def _yaml_name(cls, field: str) -> str:
        return cls.model_fields[field].alias or field

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        is_external = f"(has(self.type) && self.type == '{cls.external_type}')"
        name = cls._yaml_name(cls.external_field)
        resolved = handler.resolve_ref_schema(handler(schema))
        resolved[RULES] = [
            {
                "rule": f"!{is_external} || has(self.{name})",
                "message": _NEEDED.format(cls.external_type),
                "fieldPath": f".{name}",
            },
            *(
                {
                    "rule": f"{is_external} || !has(self.{option})",
                    "message": _NOT_NEEDED.format(cls.external_type),
                    "fieldPath": f".{option}",
                }
                for option in map(cls._yaml_name, (cls.external_field, *cls.external_options))
            ),
        ]
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
        description="Where the certificate authority of the brokers is, in a cluster; without it they need a "
        "certificate of a public one. No effect on one machine: the variable SMARTSTORE_KAFKA_CA_FILE names its file "
        "there.",
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
        description="Where the password of the user is, in a cluster. No effect on one machine: the variable "
        "SMARTSTORE_KAFKA_PASSWORD has it there.",
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
        default=4, description="Partitions of every topic; a store's records are all in one."
    )
    heap: Size = Field(default="512Mi", description="Largest Java heap of a broker.")
    storage: Size = Field(default="20Gi", description="Size of a broker's volume. No effect on one machine.")
    replicas: Annotated[int, Field(ge=1, le=99)] = Field(
        default=1,
        description="How many brokers Strimzi runs; topics are on three of them, or on all if there are fewer. No "
        "effect on one machine.",
    )
    secured: bool = Field(
        default=False,
        description="Strimzi: connections are encrypted, need a login, and only what SmartStore does is allowed. No "
        "effect on one machine.",
    )
    version: Annotated[str, Field(pattern=VERSION_PATTERN, max_length=16)] | None = Field(
        default=None,
        description="Kafka's version, for type Strimzi; without it that operator chooses. No effect on one machine.",
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
        description=_SERVER_PORT.format(6379),
    )
    password_secret: SecretKey | None = Field(
        default=None,
        description="Where the password of the server is, for type External in a cluster. No effect on one machine: "
        "the variable SMARTSTORE_REDIS_PASSWORD has it there.",
    )


class Backups(Block):
    """Copies of the database, each a file of pg_dump on a volume. No effect on one machine."""

    enabled: bool = Field(default=False, description="Whether they are made.")
    schedule: Schedule = Field(
        default="0 2 * * *", description="When one is made, as five cron fields in UTC."
    )
    keep: Annotated[int, Field(ge=1, le=366)] = Field(
        default=14, description="How many are kept; then the oldest goes."
    )
    size: Size = Field(default="20Gi", description="Size of their volume.")


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
        default=1,
        description="How many servers CloudNativePG runs: one that writes, the others follow it. "
        "No effect on one machine.",
    )
    host: Host | None = Field(default=None, description="The server's name or address, for type External.")
    port: Port | None = Field(
        default=None,
        description=_SERVER_PORT.format(5432),
    )
    password_secret: SecretKey | None = Field(
        default=None,
        description="Where the password of the login smartstore is, which owns the database smartstore, may make "
        "roles and replicate; for type External in a cluster. No effect on one machine: the variable "
        "SMARTSTORE_POSTGRES_PASSWORD has it there.",
    )
    backups: Backups = Field(default=Backups(), description="Copies of the database.")


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


class SecretName(Block):
    """A Secret of the same namespace."""

    name: Annotated[str, Field(min_length=1, max_length=253)] = Field(description="Name of the Secret.")


class Bucket(Block):
    """A bucket of S3, or of a store that speaks its language."""

    name: Annotated[str, Field(pattern=BUCKET_PATTERN, max_length=63)] = Field(
        description="Name of the bucket, which exists."
    )
    prefix: Annotated[str, Field(pattern=PREFIX_PATTERN, max_length=512)] = Field(
        default="lake", description="What the tables' keys begin with; nobody else may write there."
    )
    region: Annotated[str, Field(pattern=REGION_PATTERN, max_length=63)] = Field(
        default="us-east-1", description="Where the bucket is; a store of another kind mostly does not mind."
    )
    endpoint: HttpUrl | None = Field(
        default=None, description="The store's address, such as http://minio:9000; without it AWS's."
    )
    credentials_secret: SecretName | None = Field(
        default=None,
        description="The Secret with the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, in a cluster. No effect on "
        "one machine: variables of these names have them there.",
    )


class Lake(ExternalChoice):
    """Whether there is a lakehouse, and where it is kept."""

    external_type = "S3"
    external_field = "bucket"

    enabled: bool = Field(default=True, description="Whether topics are kept as Delta tables.")
    type: Literal["Volume", "S3"] = Field(
        default="Volume",
        description="Where the tables lie. Volume: on the application's own, on one machine in a directory. S3: in a "
        "bucket.",
    )
    bucket: Bucket | None = Field(default=None, description="Where the tables lie, for type S3.")
    size: Size = Field(
        default="20Gi",
        description="Size of the application's volume, which must not fill up; with S3 it has no tables on it, and "
        "1Gi will do. No effect on one machine.",
    )
    retention: Annotated[Duration, Between(timedelta(hours=1), timedelta(days=366))] = Field(
        default=timedelta(hours=24),
        description="How long files are kept that no current version of a table uses, counted in whole hours; so "
        "long a reader may take, and so far back earlier versions can be read.",
    )
