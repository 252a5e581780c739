"""The SmartStore object as a whole."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from smartstore.contracts import settings
from smartstore_operator.api.block import Block, setting
from smartstore_operator.api.defaults import with_profile_defaults
from smartstore_operator.api.estate import Catalog, Maintenance, Monitoring, Override, Planning, Serving
from smartstore_operator.api.problems import FieldError
from smartstore_operator.api.scalars import NAME_PATTERN
from smartstore_operator.api.services import Connect, Kafka, Lake, Postgres, Redis
from smartstore_operator.api.source import Source
from smartstore_operator.api.streaming import Streaming

GROUP = "smartstore.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "SmartStore"

MAX_NAME = 40
"""Names of children are made from the name and must stay below Kubernetes' 63 characters."""

SERVER_METADATA = frozenset(
    (
        *(
            "creationTimestamp",
            "deletionGracePeriodSeconds",
            "deletionTimestamp",
            "finalizers",
            "generateName",
        ),
        *("generation", "managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid"),
    )
)
"""What the API server adds to `metadata`; ignored, so that `kubectl get -o yaml` gives a valid file."""


class Spec(Block):
    """What a SmartStore should be."""

    stores: int = setting(
        settings.RunSettings,
        "stores",
        f"How many stores run; of source type Replay at most {settings.RECORDED_STORES}.",
    )
    profile: Literal["Development", "Production"] = Field(
        default="Development", description="Chooses defaults only: whatever the spec says itself stands."
    )
    catalog: Catalog = Field(default=Catalog(), description="The range; there is nothing to set.")
    source: Source = Field(default=Source(), description="Where events come from and how time runs.")
    kafka: Kafka = Field(default=Kafka(), description="The brokers.")
    redis: Redis = Field(default=Redis(), description="The buffer in front of Kafka.")
    postgres: Postgres = Field(default=Postgres(), description="The serving database.")
    connect: Connect = Field(default=Connect(), description="Kafka Connect.")
    lake: Lake = Field(default=Lake(), description="The lakehouse: topics as Delta tables.")
    streaming: Streaming = Field(default=Streaming(), description="The Spark applications.")
    planning: Planning = Field(default=Planning(), description="Thresholds and targets of the stock rules.")
    serving: Serving = Field(default=Serving(), description="The parts that people and programs use.")
    monitoring: Monitoring = Field(
        default=Monitoring(), description="What is handed to Prometheus and Grafana."
    )
    maintenance: Maintenance = Field(
        default=Maintenance(), description="When disruptive changes may be made."
    )
    paused: bool = Field(
        default=False,
        description="Whether the operator leaves everything as it is. No effect on one machine.",
    )
    suspend: bool = Field(default=False, description="Whether nothing runs; all data stay.")
    overrides: tuple[Override, ...] = Field(
        default=(),
        strict=False,
        max_length=100,
        description="Patches of rendered Kubernetes objects; `smartstore-operator plan` shows these. No effect on "
        "one machine.",
    )
    deletion_policy: Literal["Retain", "Delete"] = Field(
        default="Retain",
        description="Whether the volumes, and the Secrets that open them, stay when the SmartStore is deleted. No "
        "effect on one machine.",
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_profile(cls, given: Any) -> Any:
        return with_profile_defaults(given)

    @model_validator(mode="after")
    def _check_shards(self) -> Self:
        shards, partitions = self.streaming.hot.shards, self.kafka.partitions
        if partitions % shards:
            divisors = [number for number in range(1, partitions + 1) if partitions % number == 0]
            raise FieldError(
                "streaming.hot.shards",
                f"{shards} shards cannot share the {partitions} partitions (kafka.partitions) evenly; choose one of "
                f"{', '.join(map(str, divisors))}",
            )
        return self

    @model_validator(mode="after")
    def _check_stores(self) -> Self:
        if self.source.type == "Replay" and self.stores > settings.RECORDED_STORES:
            raise FieldError(
                "stores",
                f"stores is {self.stores}, but the recorded data of source type Replay have "
                f"{settings.RECORDED_STORES} stores; ask for at most so many, or choose source type Simulation",
            )
        return self

    @model_validator(mode="after")
    def _check_start(self) -> Self:
        start, recorded = self.source.replay.start, settings.RECORDED_YEAR
        if self.source.type == "Replay" and start.year != recorded:
            raise FieldError(
                "source.replay.start",
                f"{start} is outside the recorded data; choose a day of the year {recorded}",
            )
        return self


class Metadata(BaseModel):
    """Name and labels of the object."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[str, Field(pattern=NAME_PATTERN, max_length=MAX_NAME)]
    namespace: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}

    @model_validator(mode="before")
    @classmethod
    def _drop_server_fields(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {name: value for name, value in given.items() if name not in SERVER_METADATA}


class SmartStore(Block):
    """One SmartStore object, as it stands in a YAML file or comes from the API server."""

    api_version: Literal["smartstore.io/v1alpha1"]
    kind: Literal["SmartStore"]
    metadata: Metadata
    spec: Spec = Spec()

    @model_validator(mode="before")
    @classmethod
    def _drop_status(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {name: value for name, value in given.items() if name != "status"}

    @property
    def name(self) -> str:
        """The object's name."""
        return self.metadata.name

    @classmethod
    def parse(cls, document: Any) -> Self:
        """Validate an object as read from YAML or JSON; raises `pydantic.ValidationError`."""
        return cls.model_validate(document)
