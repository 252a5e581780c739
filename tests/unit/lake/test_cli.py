"""The terminal's view of a lake: clear answers, and one clear line when there is none."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from smartstore.lake.cli.__main__ import main

pytestmark = pytest.mark.unit


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lake with two small tables."""
    for path, numbers in (("ops/alerts", [1, 2, 3]), ("raw/alerts", [4]), ("cleansed/stores", [5])):
        write_deltalake(str(tmp_path / path), pa.table({"n": numbers, "blob": [b"\xff"] * len(numbers)}))
    monkeypatch.setenv("SMARTSTORE_LAKE_ROOT", str(tmp_path))
    return tmp_path


def test_tables(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tables", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["table"], row["rows"], row["files"]) for row in rows] == [
        ("cleansed/stores", 1, 1),
        ("ops/alerts", 3, 1),
        ("raw/alerts", 1, 1),
    ]
    assert main(["tables"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == [
        *("TABLE", "ROWS", "FILES", "BYTES", "VERSION", "CHANGED_AT")
    ]


def test_describe_and_history(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", "stores", "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert described["topic"] == "stores"
    assert [column["type"] for column in described["columns"]] == ["bigint", "binary"]
    assert main(["history", "ops.alerts"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[0] == "0"


def test_sql(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", "select sum(n) as total, min(blob) as b from ops.alerts", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"total": 6, "b": "\\xff"}]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["describe", "alerts"], "'alerts' may be ops/alerts or raw/alerts; give its level too"),
        (
            ["history", "ops/none"],
            "there is no table 'ops/none'; there are: cleansed/stores, ops/alerts, raw/alerts",
        ),
        (["sql", "select nothing from ops.alerts"], "Binder Error"),
    ],
)
def test_errors_are_one_line(
    root: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    assert main(words) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"smartstore lake: {says}")


def test_no_lake_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SMARTSTORE_LAKE_ROOT", str(tmp_path / "none"))
    assert main(["tables"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "there is no lake at" in line
