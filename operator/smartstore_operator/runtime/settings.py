"""Settings of the operator's process, from environment variables `SMARTSTORE_OPERATOR_*`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Literal, Self

from smartstore_operator.render.kubernetes import IMAGES, Images

PREFIX = "SMARTSTORE_OPERATOR_"


class WrongSetting(ValueError):
    """A variable has a value that cannot be used; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the operator runs."""

    images: Images
    """What the pods of SmartStores run."""
    namespaces: tuple[str, ...] = ()
    """The namespaces it looks after; empty is all."""
    workers: int = 4
    """How many SmartStores are reconciled at a time."""
    resync_seconds: float = 300.0
    """How often a SmartStore is looked at without any reason."""
    namespace: str = "default"
    """The operator's own namespace, which has its Lease."""
    health_port: int = 8081
    """Where health and metrics are served; 0 is any free port."""
    log_format: Literal["text", "json"] = "text"
    lease_seconds: int = 15
    """How long nobody acts after the acting operator has died."""

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] = os.environ) -> Self:
        """Read the variables; each has a default.

        Raises:
            WrongSetting: one is wrong.
        """
        names = variables.get(f"{PREFIX}NAMESPACES", "")
        return cls(
            images=images_from_environment(variables),
            namespaces=tuple(name.strip() for name in names.split(",") if name.strip()),
            workers=int(_number(variables, "WORKERS", cls.workers, 1, 64)),
            resync_seconds=_number(variables, "RESYNC_SECONDS", cls.resync_seconds, 1, 86_400),
            namespace=variables.get(f"{PREFIX}NAMESPACE", cls.namespace),
            health_port=int(_number(variables, "HEALTH_PORT", cls.health_port, 0, 65_535)),
            log_format=_log_format(variables),
            lease_seconds=int(_number(variables, "LEASE_SECONDS", cls.lease_seconds, 3, 600)),
        )


def images_from_environment(variables: Mapping[str, str] = os.environ) -> Images:
    """The images by `IMAGE_SERVICES` and so on; the defaults are what `make images` builds."""
    built = {name: f"smartstore-{name}:{version('smartstore-operator')}" for name in IMAGES}
    return Images(**{name: variables.get(f"{PREFIX}IMAGE_{name.upper()}") or built[name] for name in IMAGES})


def _log_format(variables: Mapping[str, str]) -> Literal["text", "json"]:
    given = variables.get(f"{PREFIX}LOG_FORMAT", "text")
    if given == "json":
        return "json"
    if given != "text":
        raise WrongSetting(f"{PREFIX}LOG_FORMAT is {given!r}, it must be text or json")
    return "text"


def _number(variables: Mapping[str, str], name: str, default: float, least: float, most: float) -> float:
    text = variables.get(f"{PREFIX}{name}")
    if text is None:
        return default
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise WrongSetting(f"{PREFIX}{name} is {text!r}, it must be a number from {least:g} to {most:g}")
    return number
