"""JSON schemas of pydantic models, without what nobody reads: a list of tools goes into every conversation."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

Schema = dict[str, Any]

_UNREAD: Final = frozenset({"title", "minLength", "maxLength", "maxProperties", "propertyNames"})

_PROBLEM: Schema = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("code", "message", "hint")},
    "required": ["code", "message"],
}


def input_schema(model: type[BaseModel]) -> Schema:
    """What a tool takes."""
    schema: Schema = _small(model.model_json_schema())
    return schema


def output_schema(model: type[BaseModel]) -> Schema:
    """What a tool gives: its result, or ``error`` when it fails (some clients check failures against this too)."""
    schema: Schema = _small(model.model_json_schema())
    required = schema.pop("required", [])
    schema["properties"].setdefault("error", _PROBLEM)
    return schema | {"anyOf": [{"required": required}, {"required": ["error"]}]} if required else schema


def _small(schema: Any) -> Any:  # noqa: ANN401 -- any part of a schema
    """Without titles, docstrings, bounds of texts, and "or null" (what is not there is left out)."""
    if isinstance(schema, list):
        return [_small(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    alternatives = schema.get("anyOf", ())
    if {"type": "null"} in alternatives:
        others = [one for one in alternatives if one != {"type": "null"}]
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        schema = (others[0] if len(others) == 1 else {"anyOf": others}) | rest
    small = {}
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            small[key] = {name: _small(part) for name, part in value.items()}
        elif not (
            key in _UNREAD or (key == "default" and not value) or (key == "description" and "properties" in schema)
        ):
            small[key] = _small(value)
    return small
