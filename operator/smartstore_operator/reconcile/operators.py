"""Which operators a SmartStore needs beside this one. Pure."""

from collections.abc import Collection, Iterator

from smartstore_operator.api.problems import Problem
from smartstore_operator.reconcile.kinds import OF_OPERATORS
from smartstore_operator.render.platform import Operator

_ASKED_BY: dict[Operator, tuple[str, str]] = {
    "Strimzi": ("spec.kafka.type", "SingleNode"),
    "SparkOperator": ("spec.streaming.backend", "Local"),
    "CloudNativePG": ("spec.postgres.type", "Managed"),
}
"""The field that asks for an operator, and the value that needs none."""


def not_installed(used: Collection[Operator], served: Collection[str]) -> Iterator[Problem]:
    """A problem for each operator in use whose kinds the API server does not have."""
    for operator, (path, instead) in _ASKED_BY.items():
        missing = [kind for kind in OF_OPERATORS[operator] if kind not in served]
        if operator in used and missing:
            yield Problem(
                path=path,
                message=f"{operator} is not installed, the API server knows no {missing[0]}: install it, or make a "
                f"SmartStore with {path.removeprefix('spec.')}: {instead}",
            )
