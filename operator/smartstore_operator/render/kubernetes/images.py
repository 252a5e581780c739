"""The images that the pods of a SmartStore run."""

from dataclasses import dataclass
from typing import get_args

from smartstore_operator.render.component import Programs

PROGRAMS: tuple[Programs, ...] = get_args(Programs)
IMAGES = (*PROGRAMS, "connect")
"""What `Images` names."""


@dataclass(frozen=True, kw_only=True)
class Images:
    """A reference for each set of programs, by tag or by digest."""

    services: str
    """Our services, Postgres and Valkey."""
    kafka: str
    """The broker, and Connect with its plugins."""
    spark: str
    connect: str
    """Connect with its plugins as Strimzi runs it: that operator's image, and ours on top."""

    def of(self, programs: Programs) -> str:
        """The reference for these programs."""
        match programs:
            case "services":
                return self.services
            case "kafka":
                return self.kafka
            case "spark":
                return self.spark
