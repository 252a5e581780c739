"""docs/api.md is generated, committed, and has every field."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smartstore_operator.api.crd import definition
from smartstore_operator.api.fields import Field, sections
from smartstore_operator.api.frozen import FROZEN
from smartstore_operator.api.reasons import OF_COMPONENTS, OF_EVENTS, OF_READY, Reason
from smartstore_operator.api.reference import as_markdown

pytestmark = pytest.mark.unit

PAGE = Path(__file__).parents[3] / "docs" / "api.md"
FIELDS = {field.path: field for section in sections() for field in section.fields}


def _leaves(schema: dict[str, Any], path: str) -> Iterator[str]:
    """Paths of the fields that hold no fields of their own, by the CRD."""
    for name, field in schema.get("properties", {}).items():
        place = f"{path}{name}"
        items = field.get("items", {})
        if field.get("properties"):
            yield from _leaves(field, f"{place}.")
        else:
            yield place
        yield from _leaves(items, f"{place}[].")


def _schema(part: str) -> dict[str, Any]:
    (version,) = definition()["spec"]["versions"]
    return dict(version["schema"]["openAPIV3Schema"]["properties"][part])


def test_the_committed_page_is_up_to_date() -> None:
    assert PAGE.read_text() == as_markdown(), "run make generate"


def test_every_field_of_the_resource_has_its_row() -> None:
    assert set(FIELDS) == set(_leaves(_schema("spec"), ""))
    page = as_markdown()
    rows = [*FIELDS, *_leaves(_schema("status"), "")]
    assert [path for path in rows if f"\n| `{path}` | " not in page] == []


@pytest.mark.parametrize(
    ("path", "words", "default", "production"),
    [
        ("kafka.partitions", "whole number, 1 to 512", "4", "12"),
        ("kafka.heap", "size", "512Mi", "2Gi"),
        ("streaming.hot.maxRecordsPerTrigger", "whole number, 1000 to 100000000", "200000", ""),
        ("source.tick", "duration, 200ms to 1h", "", ""),
        ("source.simulation.rangeScale", "number, more than 0 and at most 1", "0.15", ""),
        ("source.days", "whole number, at least 0", "0", ""),
        ("lake.enabled", "true or false", "true", ""),
        ("redis.type", "`Managed` or `External`", "Managed", ""),
        ("redis.passwordSecret.key", "text, 1 to 253 characters", "password", ""),
        ("connect.url", "an http or https address, like http://connect:8083", "", ""),
        ("overrides", "list of blocks, at most 100 of them", "", ""),
        ("overrides[].patch", "block of any fields", "", ""),
    ],
)
def test_type_and_defaults_in_words(path: str, words: str, default: str, production: str) -> None:
    field: Field = FIELDS[path]
    assert (field.type, field.default, field.production) == (words, default, production)


def test_what_is_fixed_says_why() -> None:
    assert {path: field.fixed for path, field in FIELDS.items() if field.fixed} == FROZEN


def test_every_reason_has_its_meaning() -> None:
    assert {*OF_READY, *OF_COMPONENTS, *OF_EVENTS} == set(Reason)
