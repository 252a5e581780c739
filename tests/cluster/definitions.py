"""Resource definitions of other operators, put into the API server.

They are those operators' own: `OPERATOR_CRDS` names the directories with their YAML files, separated by colons.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from smartstore_operator.reconcile.kinds import KINDS, OF_OPERATORS
from smartstore_operator.render.platform import Operator
from tests.api_server import kubectl

VARIABLE = "OPERATOR_CRDS"
_SERVED_SECONDS = 30.0


def names(operator: Operator) -> list[str]:
    """Names of the definitions of the kinds in use."""
    found = [KINDS[kind] for kind in OF_OPERATORS[operator]]
    return [f"{plural}.{version.rpartition('/')[0]}" for version, plural in found]


def define(operator: Operator, scratch: Path) -> None:
    """Put them in and wait until they can be used; `scratch` is a directory for a file."""
    wanted = names(operator)
    file = scratch / f"{operator}.yaml"
    found = [each for each in _definitions() if each["metadata"]["name"] in wanted]
    assert len(found) == len(wanted), f"{os.environ[VARIABLE]} lacks some of {wanted}"
    file.write_text(yaml.safe_dump_all(found))
    kubectl("apply", "--server-side", f"--filename={file}")
    for kind in OF_OPERATORS[operator]:
        version, plural = KINDS[kind]
        until_served(f"/apis/{version}/namespaces/default/{plural}")


def until_served(path: str) -> None:
    """Until objects of a kind can be listed; for a moment after its definition they cannot."""
    end = time.monotonic() + _SERVED_SECONDS
    while True:
        try:
            kubectl("get", "--raw", path)
            return
        except AssertionError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def until_gone(path: str) -> None:
    """Until nothing is served there."""
    end = time.monotonic() + _SERVED_SECONDS
    while time.monotonic() < end:
        try:
            kubectl("get", "--raw", path)
        except AssertionError:
            return
        time.sleep(0.1)
    raise AssertionError(f"{path} is still served")


def _definitions() -> Iterator[dict[str, Any]]:
    for directory in os.environ[VARIABLE].split(":"):
        for file in sorted(Path(directory).glob("*.yaml")):
            if "kind: CustomResourceDefinition" in file.read_text():
                documents = yaml.load_all(file.read_text(), yaml.CSafeLoader)
                yield from (each for each in documents if each["kind"] == "CustomResourceDefinition")
