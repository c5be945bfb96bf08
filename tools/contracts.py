"""Holds `/openapi.json` and `/asyncapi.json` against their standards, and against the code.

python tools/contracts.py    exit 1 where one of them is wrong, with a line for each fault
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from typing import Any
from unittest.mock import Mock

import jsonschema
import msgspec
import openapi_spec_validator
import pydantic
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from pydantic_asyncapi.v3 import AsyncAPI

from tradewatch.access.rates import Rates
from tradewatch.composition.rest import Parts, rest_api
from tradewatch.protocol.asyncapi.document import document
from tradewatch.protocol.codes import CloseCode, ErrorCode, PublishCode
from tradewatch.protocol.messages import Ping, Subscribe, Unsubscribe
from tradewatch.protocol.refusal import RefusalReason
from tradewatch.protocol.v2 import events, requests
from tradewatch.reference.catalogue import Catalogue
from tradewatch.server.stream.admission import STREAM_PATHS, Admission
from tradewatch.settings import Settings

Document = dict[str, Any]

#: Answers that a route with a key can always give, and examples of which stand nowhere.
_WITH_A_KEY = {"401", "403", "429", "503"}
_WITHOUT_EXAMPLES = {
    "text/html",
    "text/csv",
    "application/vnd.apache.arrow.stream",
    "application/vnd.apache.parquet",
}
#: A gap is an event that this version has a shape for and never sends; quotes are written without a struct.
_NEVER_SENT = {"gap"}
_NO_STRUCTS = {"quote", "credit", "published"}


def application() -> FastAPI:
    """The application as a server has it, upon parts that do nothing."""
    core = Mock(catalogue=Catalogue(limit=1))
    others = {field.name: Mock() for field in fields(Parts)} | {"settings": Settings(), "core": core}
    return rest_api(Parts(**others), Rates())


def as_sent(described: Document) -> Document:
    """The document as a client reads it."""
    return dict(msgspec.json.decode(msgspec.json.encode(described)))


def faults_of_openapi(api: FastAPI, described: Document) -> Iterator[str]:
    """What is wrong with `/openapi.json`."""
    for error in openapi_spec_validator.OpenAPIV31SpecValidator(described).iter_errors():
        yield f"not OpenAPI: {error.message}"
    if lost := [*dangling(described)]:
        yield from lost
        return
    paths = described["paths"]
    for route in iter_route_contexts(api.routes):
        path = re.sub(r":\w+}", "}", route.path or "")
        for method in route.methods or ():
            is_head = method == "HEAD" and "get" in paths.get(path, {})
            if method.lower() not in paths.get(path, {}) and not is_head:
                yield f"{method} {path} is not described"
    ids = [operation["operationId"] for operations in paths.values() for operation in operations.values()]
    yield from (f"the operation {name} is there twice" for name in sorted(set(ids)) if ids.count(name) > 1)
    for path, operations in paths.items():
        for method, operation in operations.items():
            yield from (
                f"{method.upper()} {path}: {said}" for said in _faults_of_operation(operation, described)
            )


def _faults_of_operation(operation: Document, described: Document) -> Iterator[str]:
    if not operation.get("summary") or not operation.get("description") or not operation.get("tags"):
        yield "says too little of itself"
    keyless = operation.get("security") == []
    answers = operation["responses"]
    if not keyless and not set(answers) >= _WITH_A_KEY:
        yield f"does not say what it answers with {', '.join(sorted(_WITH_A_KEY - set(answers)))}"
    bodies = [operation["requestBody"]] if "requestBody" in operation else []
    for part in [*bodies, *answers.values()]:
        for media_type, content in part.get("content", {}).items():
            if media_type in _WITHOUT_EXAMPLES:
                continue
            if "example" not in content or not content.get("schema"):
                yield f"has no example or no schema of {media_type}: {part.get('description')}"
            else:
                yield from _misfits(content["example"], content["schema"], described)
    for parameter in operation.get("parameters", ()):
        if not parameter.get("description"):
            yield f"does not say what {parameter['name']} is"
        if "example" in parameter:
            yield from _misfits(parameter["example"], parameter["schema"], described)
        elif parameter["required"]:
            yield f"has no example of {parameter['name']}"


def faults_of_asyncapi(described: Document) -> Iterator[str]:
    """What is wrong with `/asyncapi.json`."""
    if lost := [*dangling(described)]:
        yield from lost
        return
    messages = described["components"]["messages"]
    for name, message in messages.items():
        for example in message["examples"]:
            yield from (
                f"{name}: {said}" for said in _misfits(example["payload"], message["payload"], described)
            )
    bare = {
        name: {**message, "examples": []} for name, message in messages.items()
    }  # an array is one as well
    try:
        AsyncAPI.model_validate({**described, "components": {**described["components"], "messages": bare}})
    except pydantic.ValidationError as error:
        yield from (
            f"not AsyncAPI: {'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()
        )
    addresses = {channel["address"] for channel in described["channels"].values()}
    yield from _different("path", addresses, {*STREAM_PATHS, "/publish"})
    used = {at for channel in described["channels"].values() for at in channel["messages"]}
    yield from _different("message", used, set(messages))
    yield from _different("event", _named(described, "event"), _event_names())
    yield from _different("action", _named(described, "action"), _action_names())
    info, schemas = described["info"], described["components"]["schemas"]
    yield from _different("close code", {each["code"] for each in info["x-close-codes"]}, set(CloseCode))
    yield from _different("refusal", set(info["x-refusals"]), set(RefusalReason))
    yield from _different("error code", set(schemas["ErrorCode"]["enum"]), set(ErrorCode))
    yield from _different("publishing code", set(schemas["PublishCode"]["enum"]), set(PublishCode))


def dangling(described: Document) -> Iterator[str]:
    """References to what is not there."""
    for path in sorted(set(re.findall(r'"\$ref":"#/([^"]+)"', msgspec.json.encode(described).decode()))):
        at: Any = described
        for name in path.split("/"):
            at = at.get(name, {}) if isinstance(at, dict) else {}
        if not at:
            yield f"#/{path} is referred to, and is not there"


def _misfits(example: object, schema: Document, described: Document) -> Iterator[str]:
    """Why an example does not fit its schema."""
    whole = {**schema, "components": described["components"]}
    for error in jsonschema.Draft202012Validator(whole).iter_errors(example):
        yield f"an example does not fit: {error.json_path}: {error.message}"


def _named(described: Document, tag: str) -> set[str]:
    """The values that messages have in the field that tells them apart."""
    schemas = described["components"]["schemas"].values()
    return {name for schema in schemas for name in schema.get("properties", {}).get(tag, {}).get("enum", ())}


def _tags(structs: Iterator[Any]) -> set[str]:
    return {str(each.__struct_config__.tag) for each in structs}


def _event_names() -> set[str]:
    structs = (
        each for each in vars(events).values() if isinstance(each, type) and issubclass(each, events.Event)
    )
    sent = _tags(each for each in structs if each not in (events.Event, events.Answer))
    return (sent - _NEVER_SENT) | _NO_STRUCTS


def _action_names() -> set[str]:
    return {*requests.ACTIONS, "publish"} | _tags(iter((Subscribe, Unsubscribe, Ping)))


def _different(what: str, said: set[Any], there: set[Any]) -> Iterator[str]:
    yield from (f"the {what} {name} is not described" for name in sorted(there - said))
    yield from (f"there is no {what} {name}" for name in sorted(said - there))


def main() -> int:
    """Say what is wrong."""
    api = application()
    stream = document(version="0", subprotocols=Admission.subprotocols)
    found = [f"/openapi.json: {said}" for said in faults_of_openapi(api, as_sent(api.openapi()))]
    found += [f"/asyncapi.json: {said}" for said in faults_of_asyncapi(as_sent(stream))]
    for fault in found:
        print(fault, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
