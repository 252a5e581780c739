"""`smartstore lake` finds the tables of a system that is not running, and hands everything else on."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from smartstore_operator.cli.main import main

pytestmark = pytest.mark.unit


def test_the_tables_of_a_data_directory(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_deltalake(str(tmp_path / "state" / "lake" / "tables" / "ops" / "alerts"), pa.table({"n": [1, 2]}))
    options = ["--data-dir", str(tmp_path)]
    assert main(["lake", *options, "sql", "select sum(n) as total from ops.alerts", "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == [{"total": 3}]
    assert main(["lake", *options, "describe", "ops/none"]) == 1
    assert capfd.readouterr().err == "smartstore lake: there is no table 'ops/none'; there are: ops/alerts\n"


def test_a_directory_without_a_lake(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["lake", "--data-dir", str(tmp_path), "tables"]) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("smartstore lake: there is no lake at ")
