"""What the source says of a field: its own docstring, or that of its type in `contracts.fields`."""

import ast
import inspect
import textwrap
from functools import cache
from itertools import pairwise
from types import ModuleType

from msgspec import Struct

from smartstore.contracts import fields


def describe(record: type[Struct]) -> dict[str, str]:
    """Field name → one line of description; a field of which the source says nothing is left out."""
    known: dict[str, str] = {}
    for owner in reversed(record.__mro__):
        if issubclass(owner, Struct) and owner is not Struct:
            known |= _own(owner)
    return known


def summary(record: type[Struct]) -> str:
    """The record's docstring as one line."""
    return _one_line(record.__doc__ or "")


@cache
def _own(record: type[Struct]) -> dict[str, str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(record)))
    except (OSError, TypeError):  # made at run time, so there is no source to quote
        return {}
    body = tree.body[0]
    assert isinstance(body, ast.ClassDef)
    known: dict[str, str] = {}
    for statement in body.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            words = [node.id for node in ast.walk(statement.annotation) if isinstance(node, ast.Name)]
            texts = [_aliases()[word] for word in words if word in _aliases()]
            if texts:
                known[statement.target.id] = texts[0]
    return known | _docstrings(body.body)


@cache
def _aliases() -> dict[str, str]:
    return _docstrings(_tree(fields).body)


def _tree(module: ModuleType) -> ast.Module:
    return ast.parse(inspect.getsource(module))


def _docstrings(statements: list[ast.stmt]) -> dict[str, str]:
    """Names whose declaration is followed by a bare string."""
    found: dict[str, str] = {}
    for declared, after in pairwise(statements):
        name = _declared_name(declared)
        if name and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            found[name] = _one_line(str(after.value.value))
    return found


def _declared_name(statement: ast.stmt) -> str | None:
    target: ast.expr | None = None
    if isinstance(statement, ast.AnnAssign):
        target = statement.target
    elif isinstance(statement, ast.Assign):
        target = statement.targets[0]
    return target.id if isinstance(target, ast.Name) else None


def _one_line(text: str) -> str:
    return " ".join(text.split())
