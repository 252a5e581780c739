"""The Spark applications."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from smartstore_operator.api.block import Between, Block
from smartstore_operator.api.scalars import Duration, Size

_TRIGGER = Between(timedelta(0), timedelta(hours=1))


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


class Streaming(Block):
    """How the Spark applications run."""

    backend: Literal["SparkApplication", "Local"] = Field(
        default="SparkApplication",
        description="SparkApplication: run by the Spark operator. Local: one pod with a driver in local mode. No "
        "effect yet: it is Local.",
    )
    hot: Hot = Field(default=Hot(), description="The application that runs all stock jobs.")
    lake: LakeApplication = Field(
        default=LakeApplication(),
        description="The application that writes the lakehouse.",
    )
