"""The reasons that the operator sets are those that docs/api.md lists."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from smartstore_operator import reconcile

pytestmark = pytest.mark.unit

FILES = sorted(Path(next(iter(reconcile.__path__))).glob("*.py"))
PLACES = {"Health": 1, "Choice": 0, "refused": 0}
"""Where a reason stands among the arguments of a call."""


def _written_out(file: Path) -> Iterator[str]:
    """Reasons that a module writes out instead of naming one of `Reason`."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in PLACES:
            for argument in node.args[PLACES[node.func.id] :][:1]:
                if isinstance(argument, ast.Constant):
                    yield f"{file.name}:{node.lineno}: {argument.value!r}"
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if (
                    isinstance(key, ast.Constant)
                    and key.value == "reason"
                    and isinstance(value, ast.Constant)
                ):
                    yield f"{file.name}:{value.lineno}: {value.value!r}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_reason_is_written_out(file: Path) -> None:
    assert list(_written_out(file)) == [], (
        "name it in smartstore_operator/api/reasons.py: docs/api.md lists those"
    )


def test_the_modules_are_found() -> None:
    assert {"health", "conditions", "reconciler"} <= {file.stem for file in FILES}
