"""The CRD is generated, committed, and structural in the sense of the API server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from smartstore_operator.api.crd import as_yaml, definition
from smartstore_operator.api.smartstore import Spec

ROOT = Path(__file__).parents[3]
COMMITTED = (
    ROOT / "crds" / "smartstores.yaml",
    ROOT / "charts" / "smartstore-crds" / "templates" / "smartstores.yaml",
)


def _schemas(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from _schemas(field, f"{path}.{name}")
    if "items" in schema:
        yield from _schemas(schema["items"], f"{path}[]")


def _version() -> dict[str, Any]:
    (version,) = definition()["spec"]["versions"]
    return version


def _spec_schema() -> dict[str, Any]:
    return _version()["schema"]["openAPIV3Schema"]["properties"]["spec"]


@pytest.mark.parametrize("file", COMMITTED, ids=("crds", "chart"))
def test_the_committed_files_are_up_to_date(file: Path) -> None:
    assert file.read_text() == as_yaml(), "run make generate"


def test_every_schema_has_a_type_and_no_alternatives() -> None:
    allowed = {
        "description",
        "type",
        "enum",
        "pattern",
        "default",
        "properties",
        "required",
        "items",
        "format",
    }
    allowed |= {
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
    }
    for path, schema in _schemas(_version()["schema"]["openAPIV3Schema"], ""):
        assert isinstance(schema["type"], str), path
        assert {name for name in schema if not name.startswith("x-kubernetes-")} <= allowed, path


def test_every_field_is_described() -> None:
    missing = [path for path, schema in _schemas(_spec_schema(), "spec") if "description" not in schema]
    assert missing == []


def test_every_block_of_the_spec_is_there() -> None:
    assert set(_spec_schema()["properties"]) == {field.alias for field in Spec.model_fields.values()}


def test_defaults_are_told_with_those_of_production() -> None:
    heap = _spec_schema()["properties"]["kafka"]["properties"]["heap"]
    assert heap["description"].endswith("Default: 512Mi; Production: 2Gi.")


def test_stores_can_be_scaled() -> None:
    scale = _version()["subresources"]["scale"]
    assert scale["specReplicasPath"] == ".spec.stores"
    assert _spec_schema()["properties"]["stores"]["default"] == 5
    assert definition()["spec"]["names"]["shortNames"] == ["sst"]


def test_limits_of_durations_are_rules() -> None:
    tick = _spec_schema()["properties"]["source"]["properties"]["tick"]
    form, limits = tick["x-kubernetes-validations"]
    assert form["message"] == "write a number and ms, s, m or h, like 500ms, 5m or 1h30m"
    assert limits["message"] == "out of range; 200ms to 1h is allowed"
    assert "(duration(self) >= duration('200ms') && duration(self) <= duration('1h'))" in limits["rule"]


def test_a_default_that_production_does_not_change_is_told_once() -> None:
    hot = _spec_schema()["properties"]["streaming"]["properties"]["hot"]["properties"]
    assert hot["maxRecordsPerTrigger"]["description"].endswith("Default: 200000.")


def test_every_pattern_comes_with_words() -> None:
    """What the API server says of a pattern is the pattern."""
    wordless = [
        path
        for path, schema in _schemas(_spec_schema(), "spec")
        if "pattern" in schema
        and not any("self.matches" in rule["rule"] for rule in schema.get("x-kubernetes-validations", []))
    ]
    assert wordless == []


def test_the_size_of_the_lake_is_fixed_while_there_is_one() -> None:
    rules = {rule["fieldPath"]: rule["rule"] for rule in _spec_schema()["x-kubernetes-validations"]}
    assert rules[".lake.size"].startswith("(has(oldSelf.lake) && has(oldSelf.lake.enabled)")
    assert rules[".source.type"].startswith("(has(self.source)")


def test_the_file_is_plain_yaml() -> None:
    assert yaml.safe_load(COMMITTED[0].read_text()) == definition()
