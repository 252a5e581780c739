"""Every test that docs/guarantees.md relies on exists, and every promise there relies on one."""

import ast
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "guarantees.md").read_text()
HEADING = "| what cannot happen | why | test |\n| --- | --- | --- |\n"
ROWS = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", DOCUMENT.replace(HEADING, ""), re.MULTILINE)


def functions(file: str) -> set[str]:
    """Names of a module's functions; empty if there is no such file."""
    path = ROOT / file
    tree = ast.parse(path.read_text()) if path.is_file() else ast.Module([], [])
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_row_of_the_document_is_read() -> None:
    lines = sum(line.startswith("|") for line in DOCUMENT.splitlines())
    assert len(ROWS) == lines - 2 * DOCUMENT.count(HEADING) > 0
    assert len({what for what, _, _ in ROWS}) == len(ROWS)


@pytest.mark.parametrize("tests", [tests for _, _, tests in ROWS], ids=[what for what, _, _ in ROWS])
def test_a_promise_relies_on_tests_that_exist(tests: str) -> None:
    named = tests.split(", ")
    assert all(re.fullmatch(r"`tests/[\w/]+\.py::test_\w+`", one) for one in named)
    missing = [one for one in named if one.strip("`").split("::")[1] not in functions(one[1:].split("::")[0])]
    assert missing == []
