"""The description: complete references, every topic, and a page without anything from elsewhere."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from smartstore.gateway import openapi
from smartstore.gateway.admission import EVENT_TOPICS

pytestmark = pytest.mark.unit


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from ([value["$ref"]] if "$ref" in value else [])
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_every_reference_leads_somewhere_and_every_topic_is_there() -> None:
    document = json.loads(openapi.document())
    schemas = document["components"]["schemas"]
    assert {one.removeprefix("#/components/schemas/") for one in references(document)} <= set(schemas)
    items = document["paths"]["/v1/events"]["post"]["requestBody"]["content"]["application/json"]["schema"][
        "items"
    ]
    assert set(items["discriminator"]["mapping"]) == set(EVENT_TOPICS)
    statuses = set(document["paths"]["/v1/events"]["post"]["responses"])
    assert statuses == {"202", "400", "401", "408", "413", "415", "422", "429", "503"}


def test_it_describes_what_is_taken_and_nothing_more() -> None:
    """Not fields that a contract lacks, nor configuration that belongs to Postgres, nor keys of rows."""
    schemas = json.loads(openapi.document())["components"]["schemas"]
    config = schemas["StoreConfig"]["properties"]
    assert config["kind"]["enum"] == ["profile", "promotion"]
    assert set(config) == {"event_id", "store_id", "timestamp", "kind", "op", "profile", "promotion"}
    assert "row_key" not in schemas["ShelfProfile"]["properties"]
    for topic in EVENT_TOPICS.values():
        described = schemas[f"topic_{topic.name}"]
        assert described["unevaluatedProperties"] is False
        assert "additionalProperties" not in schemas[topic.value.__name__]
    nested = ("LotQuantity", "PosItem", "ShelfProfile", "Promotion", "topic_commands")
    assert [schemas[name]["additionalProperties"] for name in nested] == [False] * len(nested)
    assert not any("\n  " in schema.get("description", "") for schema in schemas.values())


def test_the_page_fetches_nothing() -> None:
    page = openapi.page().decode()
    assert "POST /v1/events" in page
    assert "shelf_events" in page
    assert "src=" not in page
    assert "http" not in page.replace("http-equiv", "")
