"""The OpenAPI 3.1 description, made of the contracts, and a page that shows it without fetching anything."""

import html
import inspect
import re
from collections.abc import Iterator
from typing import Any, get_args

import msgspec

from smartstore import gateway
from smartstore.contracts.events import CatalogLot, Markdown, ShelfPolicy, ShelfProfile, StoreConfig, WhPolicy
from smartstore.contracts.topics import COMMANDS, STORE_CONFIG, Topic
from smartstore.gateway.admission import CONFIG_KINDS, EVENT_TOPICS, TOPIC, Refused
from smartstore.gateway.body import JSON, MAX_BYTES, MAX_RECORDS, NDJSON

_EVENTS_TEXT = (
    f"Up to {MAX_RECORDS:,} records and {MAX_BYTES // 1024**2} MiB a request, as sent and unpacked. Good records are "
    "taken even if others are refused. Sending a batch again is safe: repeats are dropped by `event_id` for 24 hours."
)
_COMMANDS_TEXT = (
    "One command. It needs an `event_id`, or the header `Idempotency-Key` from which, with the store, it is derived; "
    "its own `event_id` comes first."
)
_CONFIG_TEXT = (
    "What a shelf is (`profile`), or that it is cheaper for some days (`promotion`); it holds from the next tick on. A "
    "promotion that is taken back is sent with `op` = `delete`."
)
_EXAMPLE = {
    TOPIC: "shelf_events",
    "event_id": "7d0f-1",
    "store_id": "s0001",
    "timestamp": "2026-05-04T09:30:00Z",
    "event_type": "pickup",
    "shelf_id": "MILK-1",
    "quantity": 1,
}
_ERRORS = {
    "400": "The body cannot be read as a whole.",
    "401": "No valid key.",
    "408": "The body came too slowly.",
    "413": "Too many bytes or records.",
    "415": "A content type or encoding that is not supported.",
    "429": "The key's rate is used up, or the buffer is full: see Retry-After. Nothing was taken.",
    "503": "Redis or Postgres is away: see Retry-After. Send the same request again.",
}


def document() -> bytes:
    """The description as JSON."""
    return msgspec.json.format(msgspec.json.encode(_document()), indent=2)


def _document() -> dict[str, Any]:
    topics = [*EVENT_TOPICS.values(), COMMANDS]
    types = (*(topic.value for topic in topics), Refused)
    references, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    *records, refused = references
    _as_taken(components)
    for topic, record in zip(topics, records, strict=True):
        components[_named(topic)] = _with_topic(topic, record)
    components[_named(COMMANDS)] = _command(components)
    components["Answer"] = _answer(refused)
    components["Error"] = {
        "type": "object",
        "properties": {"error": {"type": "string"}},
        "required": ["error"],
    }
    alternatives = [_reference(_named(topic)) for topic in EVENT_TOPICS.values()]
    items = {"oneOf": alternatives, "discriminator": _discriminator()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "SmartStore gateway", "version": "v1", "description": gateway.__doc__},
        "security": [{"key": []}],
        "paths": {
            "/v1/events": {
                "post": _operation(
                    "postEvents",
                    "Send what sensors, tills and people have recorded",
                    _EVENTS_TEXT,
                    {
                        JSON: {
                            "schema": {"type": "array", "maxItems": MAX_RECORDS, "items": items},
                            "example": [_EXAMPLE],
                        },
                        NDJSON: {"schema": {"type": "string", "description": "one record a line"}},
                    },
                    [_header("Content-Encoding", "gzip, or left out", {"type": "string", "enum": ["gzip"]})],
                )
            },
            "/v1/commands": {
                "post": _operation(
                    "postCommand",
                    "Acknowledge, approve or cancel",
                    _COMMANDS_TEXT,
                    {JSON: {"schema": _reference(_named(COMMANDS))}},
                    [
                        _header(
                            "Idempotency-Key",
                            "derives the event_id",
                            {"type": "string", "minLength": 1, "maxLength": 256},
                        )
                    ],
                )
            },
        },
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "sst_…"}},
        },
    }


def _operation(
    name: str, summary: str, text: str, content: dict[str, Any], headers: list[dict[str, Any]]
) -> dict[str, Any]:
    answer = {JSON: {"schema": _reference("Answer")}}
    error = {JSON: {"schema": _reference("Error")}}
    retry = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}
    responses: dict[str, Any] = {
        "202": {"description": "All records are in the buffer, safe on disk.", "content": answer},
        "422": {
            "description": "Some records are bad; the others are in the buffer.",
            "content": answer,
        },
    }
    for status, description in _ERRORS.items():
        responses[status] = {"description": description, "content": error}
        if status in ("429", "503"):
            responses[status]["headers"] = retry
    return {
        "operationId": name,
        "summary": summary,
        "description": text,
        "parameters": headers,
        "requestBody": {"required": True, "content": content},
        "responses": dict(sorted(responses.items())),
    }


def _as_taken(components: dict[str, Any]) -> None:
    """Make the contracts' schemas say what is taken here: no other field, and of configuration what may be sent."""
    config, profile = components[STORE_CONFIG.value.__name__], components[ShelfProfile.__name__]
    config["description"] = _CONFIG_TEXT
    config["properties"]["kind"] = {"enum": list(CONFIG_KINDS)}
    for kind in set(get_args(StoreConfig.__annotations__["kind"])).difference(CONFIG_KINDS):
        del config["properties"][kind]
    del profile["properties"]["row_key"]
    for other in (ShelfPolicy, WhPolicy, CatalogLot, Markdown):
        del components[other.__name__]
    records = {topic.value.__name__ for topic in EVENT_TOPICS.values()}
    for name, schema in components.items():
        schema["description"] = inspect.cleandoc(schema["description"])
        if name not in records:  # those have their topic beside their own fields
            schema["additionalProperties"] = False


def _with_topic(topic: Topic, record: dict[str, Any]) -> dict[str, Any]:
    own = {"type": "object", "properties": {TOPIC: {"const": topic.name}}, "required": [TOPIC]}
    return {"allOf": [own, record], "unevaluatedProperties": False}


def _command(components: dict[str, Any]) -> dict[str, Any]:
    """A command's schema; its `event_id` may be left out."""
    own: dict[str, Any] = components[COMMANDS.value.__name__]
    return {**own, "required": [name for name in own["required"] if name != "event_id"]}


def _answer(refused: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "accepted": {"type": "integer", "description": "records in the buffer"},
            "refused": {"type": "integer", "description": "records with an error"},
            "errors": {"type": "array", "items": refused},
            "event_id": {"type": "string", "description": "of a command"},
        },
        "required": ["accepted", "refused"],
    }


def _discriminator() -> dict[str, Any]:
    mapping = {name: f"#/components/schemas/{_named(topic)}" for name, topic in EVENT_TOPICS.items()}
    return {"propertyName": TOPIC, "mapping": mapping}


def _header(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


def _named(topic: Topic) -> str:
    return f"topic_{topic.name}"


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def page() -> bytes:
    """The same for people, as HTML that needs nothing from elsewhere."""
    described = _document()
    schemas = described["components"]["schemas"]
    parts = [_HEAD]
    for path, methods in described["paths"].items():
        operation = methods["post"]
        parts.append(
            f"<h2>POST {path}</h2><p><b>{_safe(operation['summary'])}.</b> {_safe(operation['description'])}</p>"
        )
        parts.append("<table><tr><th>status</th><th></th></tr>")
        parts += [
            f"<tr><td>{status}</td><td>{_safe(response['description'])}</td></tr>"
            for status, response in operation["responses"].items()
        ]
        parts.append("</table>")
    topics = (*EVENT_TOPICS.values(), COMMANDS)
    nested = set(schemas) - {"Answer", "Error", Refused.__name__}
    nested -= {name for topic in topics for name in (_named(topic), topic.value.__name__)}
    for topic in topics:
        name = topic.value.__name__
        parts.append(
            f"<h3>{topic.name}</h3><p>{_safe(schemas[name].get('description', ''))}</p>{_table(schemas, name)}"
        )
    parts += [f"<h4>{name}</h4>{_table(schemas, name)}" for name in sorted(nested)]
    return "".join(parts).encode()


def _table(schemas: dict[str, Any], name: str) -> str:
    schema = schemas[name]
    rows = [
        f"<tr><td>{field}{'' if field in schema.get('required', ()) else ' <i>(optional)</i>'}</td>"
        f"<td>{_safe(', '.join(_words(rules)))}</td></tr>"
        for field, rules in schema["properties"].items()
    ]
    return f"<table><tr><th>field</th><th>value</th></tr>{''.join(rows)}</table>"


def _words(rules: dict[str, Any]) -> Iterator[str]:
    """What a field's schema says, in words."""
    if "$ref" in rules:
        yield rules["$ref"].rpartition("/")[2]
    elif "anyOf" in rules:
        yield " or ".join(", ".join(_words(one)) for one in rules["anyOf"])
    elif "items" in rules:
        yield f"list of {', '.join(_words(rules['items']))}"
    elif "enum" in rules:
        yield f"one of {', '.join(map(str, rules['enum']))}"
    else:
        yield str(rules.get("format") or rules.get("type", "anything"))
        yield from (f"{rule} {rules[rule]}" for rule in _LIMITS if rule in rules)


_LIMITS = ("minimum", "maximum", "minLength", "maxLength", "pattern")


def _safe(text: str) -> str:
    """Text as HTML; what stands in back quotes as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


_HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>SmartStore gateway</title>
<style>body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.2rem .6rem;text-align:left;vertical-align:top}
</style><h1>SmartStore gateway</h1><p>Send <code>Authorization: Bearer sst_…</code> with every request;
<code>smartstore gateway key create</code> makes a key. For programs: <a href="openapi.json">openapi.json</a>.</p>
"""
