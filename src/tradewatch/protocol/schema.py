"""JSON schemas of what stands on the wire, made from the structs that write and read it."""

import inspect
import re
from collections.abc import Sequence
from typing import Any

import msgspec

#: Where the documents that show schemas have them.
REFERENCE = "#/components/schemas/{name}"

_ATTRIBUTE = re.compile(r"^    (\w+): (.+?)(?=^    \w+: |\Z)", re.MULTILINE | re.DOTALL)


def schemas_of(kinds: Sequence[Any], *, reference: str = REFERENCE) -> dict[str, Any]:
    """The schemas of structs and enumerations, and of all that these are made of, by name.

    What a docstring says of an attribute stands at the property.

    Args:
        kinds: the types.
        reference: how one schema names another, with `{name}`.
    """
    _, schemas = msgspec.json.schema_components(kinds, ref_template=reference)
    return {name: _described(schema) for name, schema in schemas.items()}


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without the docstring's form; what tells alternatives apart is their own tags."""
    text = inspect.cleandoc(schema.get("description", ""))
    summary, _, attributes = text.partition("\n\nAttributes:\n")
    properties = {name: _plain(part) for name, part in schema.get("properties", {}).items()}
    for name, said in _ATTRIBUTE.findall(attributes):
        if name in properties and "$ref" not in properties[name]:
            properties[name] = {"description": " ".join(said.split()), **properties[name]}
    described = {**_plain(schema), "description": summary}
    return described | {"properties": properties} if properties else described


def _plain(part: Any) -> Any:
    """A part of a schema without `discriminator`, which OpenAPI and AsyncAPI write differently."""
    if isinstance(part, dict):
        return {name: _plain(value) for name, value in part.items() if name != "discriminator"}
    return [_plain(each) for each in part] if isinstance(part, list) else part
