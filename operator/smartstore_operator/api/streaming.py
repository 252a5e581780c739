"""The Spark applications."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from smartstore_operator.api.block import Between, Block
from smartstore_operator.api.scalars import Duration, Size

_TRIGGER = Between(timedelta(0), timedelta(hours=1))


class Executors(Block):
    """The executors of an application."""

    instances: Annotated[int, Field(ge=1, le=1_000)] = Field(default=1, description="How many there are.")
    cores: Annotated[int, Field(ge=1, le=128)] = Field(
        default=2, description="Tasks that one executor runs at a time."
    )
    memory: Size = Field(
        default="1Gi", description="Java heap of an executor; its Python workers come on top."
    )


class Hot(Block):
    """The application that runs all stock jobs."""

    trigger: Annotated[Duration, _TRIGGER] = Field(
        default=timedelta(milliseconds=500),
        description="Least time between micro-batches, in real time.",
    )
    max_records_per_trigger: Annotated[int, Field(ge=1_000, le=100_000_000)] = Field(
        default=200_000, description="Most records of one micro-batch."
    )
    driver_memory: Size = Field(
        default="1Gi",
        description="Largest Java heap of the driver; its Python processes take more beside it.",
    )
    executors: Executors = Field(
        default=Executors(),
        description="Its executors, for backend SparkApplication. No effect on one machine.",
    )
    shards: Annotated[int, Field(ge=1, le=512)] = Field(
        default=1,
        description="How many applications share the stores, evenly by Kafka partition: a divisor of "
        "kafka.partitions. On one machine `smartstore savepoint` changes it.",
    )
    shuffle_partitions: Annotated[int, Field(ge=1, le=1_000)] = Field(
        default=2,
        description="Into how many parts an application's state is cut. On one machine `smartstore savepoint` "
        "changes it.",
    )


class LakeApplication(Block):
    """The application that writes the lakehouse."""

    trigger: Annotated[Duration, _TRIGGER] = Field(
        default=timedelta(minutes=1),
        description="Least time between micro-batches, in real time.",
    )
    max_records_per_trigger: Annotated[int, Field(ge=1_000, le=100_000_000)] = Field(
        default=200_000, description="Most records of one micro-batch."
    )
    driver_memory: Size = Field(default="640Mi", description="Largest Java heap of the driver.")
    executors: Executors = Field(
        default=Executors(),
        description="Its executors, for backend SparkApplication. No effect on one machine.",
    )


class Streaming(Block):
    """How the Spark applications run."""

    backend: Literal["SparkApplication", "Local"] = Field(
        default="SparkApplication",
        description="SparkApplication: run by the Spark operator. Local: one pod with a driver in local mode. No "
        "effect on one machine, which runs Local.",
    )
    service_account: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        default="spark-operator-spark",
        description="SparkApplication: the ServiceAccount by which drivers make executors; the chart of the Spark "
        "operator makes this one in the namespaces that it looks after. No effect on one machine.",
    )
    volume_access: Literal["ReadWriteMany", "ReadWriteOnce"] = Field(
        default="ReadWriteMany",
        description="SparkApplication: how driver and executors share the volume with checkpoint or tables. "
        "ReadWriteOnce does where all their pods are on one node. No effect on one machine.",
    )
    hot: Hot = Field(default=Hot(), description="The application that runs all stock jobs.")
    lake: LakeApplication = Field(
        default=LakeApplication(),
        description="The application that writes the lakehouse.",
    )
