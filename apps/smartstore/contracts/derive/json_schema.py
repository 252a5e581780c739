"""JSON Schema (Draft 2020-12) of a topic's values, for tills, sensors and scanners."""

from typing import Any

import msgspec

from smartstore.contracts.topics import Topic

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(topic: Topic) -> dict[str, Any]:
    """The schema of one record; rules that span fields are checked by the boundary and told in the descriptions."""
    (reference,), components = msgspec.json.schema_components((topic.value,), ref_template="#/$defs/{name}")
    return {"$schema": DIALECT, "title": topic.name, **reference, "$defs": components}
