"""`smartstore-operator plan` as a user runs it."""

import json
from pathlib import Path

import pytest
import yaml

from smartstore_operator.cli.operator import main

pytestmark = pytest.mark.unit

SAMPLE = Path(__file__).parents[3] / "manifests/samples/replay.yaml"


def test_yaml_and_json_show_the_same_objects(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "-f", str(SAMPLE), "-n", "shops"]) == 0
    documents = list(yaml.safe_load_all(capsys.readouterr().out))
    assert main(["plan", "-f", str(SAMPLE), "-n", "shops", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == documents
    assert {document["metadata"]["namespace"] for document in documents} == {"shops"}


def test_a_wrong_file_says_which_field(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(SAMPLE.read_text().replace("spec:", "spec:\n  colour: red", 1))
    assert main(["plan", "-f", str(file)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "spec.colour" in printed.err
