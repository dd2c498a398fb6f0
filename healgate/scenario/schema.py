"""A JSON Schema of scenario files, for editors: completion, and red lines while typing.

Made from the models that also check the files; committed as scenarios/schema.json. Wherever a file may name a
parameter, the schema must let a placeholder stand.
"""

from __future__ import annotations

import json
from typing import Any

from .experiment import Experiment
from .model import Scenario

FILE = "schema.json"
_SCALARS = {"string", "number", "integer", "boolean"}


def json_schema() -> dict[str, Any]:
    """The schema of a whole scenario file."""
    experiment = Experiment.model_json_schema(by_alias=True)
    extension = Scenario.model_json_schema(by_alias=True)
    definitions = {**experiment.pop("$defs"), **_open(extension.pop("$defs"))}
    definitions["healgate"] = _open(extension)
    prohibited = {key: value for key, value in definitions["Property"].items() if key != "required"}
    definitions["Forbidden"]["properties"]["to"] = prohibited
    other = {"type": "object", "properties": {"name": {"not": {"const": "healgate"}}}, "required": ["name"]}
    experiment["properties"]["extensions"]["items"] = {"anyOf": [{"$ref": "#/$defs/healgate"}, other]}
    for refused in ("rollbacks",):
        experiment["properties"].pop(refused)
    for part in ("Activity", "Probe"):
        for refused in ("pauses", "background"):
            definitions[part]["properties"].pop(refused)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **experiment, "$defs": definitions}


def text() -> str:
    """As it is committed."""
    return json.dumps(json_schema(), indent=1, sort_keys=True) + "\n"


def _open(schema: Any) -> Any:
    """The same with ${name} allowed for every value."""
    if isinstance(schema, list):
        return [_open(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") in _SCALARS or "enum" in schema or "const" in schema:
        if schema.get("const") == "healgate" or (schema.get("type") == "string" and set(schema) <= _PLAIN):
            return schema
        described = {key: schema[key] for key in ("default", "description", "title") if key in schema}
        inner = {key: value for key, value in schema.items() if key not in described}
        return {**described, "anyOf": [inner, {"type": "string", "pattern": r"\$\{"}]}
    opened = {key: _open(value) if key not in ("default", "examples") else value for key, value in schema.items()}
    if opened.get("type") == "array" and "items" in opened:
        described = {key: opened.pop(key) for key in ("default", "description", "title") if key in opened}
        return {**described, "anyOf": [opened, {"type": "string", "pattern": r"^\$\{"}]}
    return opened


_PLAIN = {"type", "title", "description", "default"}


if __name__ == "__main__":
    print(text(), end="")
