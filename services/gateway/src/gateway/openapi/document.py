"""The OpenAPI document, made from the declared operations."""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, get_args

import orjson
from flask import Blueprint, Flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.identity import manage_links, visitors
from gateway.openapi import examples, reference
from gateway.openapi.once import made_once
from gateway.openapi.operation import (
    IDEMPOTENCY_HEADER,
    IDEMPOTENCY_KEY,
    JSON,
    PREFIX,
    Access,
    Operation,
    Operations,
)
from gateway.openapi.problem import Problem
from gateway.openapi.types import Answer, Documented
from gateway.settings import Settings
from gateway.web import problems

Document = dict[str, Any]
_REF = "#/components/schemas/{model}"
_EXAMPLE_REF = "#/components/examples/{model}"
_VALIDATED, _SERIALIZED = "validation", "serialization"
_PATH_ARGUMENT = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
_DESCRIPTION = (
    "Set up a practice's availability, find open slots, book them, and manage bookings. Times are"
    " RFC 3339 with a UTC offset, money is in minor units with a currency, and ids are opaque"
    " strings. Errors are problem documents (RFC 9457): switch on `reason`."
)
_SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token from signing in. Attune's own pages send it as a cookie.",
    },
    "manage_token": {
        "type": "apiKey",
        "in": "query",
        "name": manage_links.PARAMETER,
        "description": "The token of a booking's manage link. `Authorization: Manage <token>`"
        " works too, and keeps the token out of logs.",
    },
}
_HEADERS = {  # name: (description, pattern, example)
    IDEMPOTENCY_HEADER: (
        "Makes a retry safe: the same key returns the original response. Use a random value, such"
        " as a UUID.",
        f"^{IDEMPOTENCY_KEY}$",
        examples.KEY,
    ),
    visitors.HEADER: (
        "Identifies a visitor whose client keeps no cookies. Send the same value with a hold, the"
        " booking that uses it, and every retry.",
        f"^{visitors.ID}$",
        examples.VISITOR,
    ),
}


def register(app: Flask, served: Sequence[Operations], settings: Settings) -> None:
    """Serve the document and its page."""
    document = functools.cache(lambda: make(served, settings))
    docs = Blueprint(
        "docs", __name__, url_prefix="/api/docs", static_folder="documentation", static_url_path=""
    )

    def page() -> bytes:
        return reference.render(
            document(),
            session_idle_hours=settings.session_idle_hours,
            session_days=settings.session_days,
        ).encode()

    docs.add_url_rule("", "page", made_once(page, "text/html; charset=utf-8"))
    app.register_blueprint(docs)
    as_json = made_once(lambda: orjson.dumps(document()), JSON)
    app.add_url_rule(f"{PREFIX}/openapi.json", "openapi", as_json)


def make(served: Sequence[Operations], settings: Settings) -> Document:
    """Return the document for the operations that are served."""
    operations = [operation for resource in served for operation in resource.declared]
    url = settings.public_url.rstrip("/")
    paths: dict[str, Document] = {}
    for operation in operations:
        path = _PATH_ARGUMENT.sub(r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Attune API",
            "version": "1",
            "description": _DESCRIPTION,
            "contact": {"name": "API reference", "url": f"{url}/api/docs"},
        },
        "servers": [{"url": url}],
        "tags": [tag._asdict() for tag in dict.fromkeys(one.tag for one in served)],
        "paths": paths,
        "components": {
            "schemas": _schemas(operations),
            "examples": _examples(operations),
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


def _operation(operation: Operation) -> Document:
    summary, _, rest = operation.docstring.strip().partition("\n")
    description = "\n".join(line.strip() for line in rest.splitlines()).strip()
    parameters = [
        *_path_parameters(operation.path),
        *_query_parameters(operation.query),
        *_header_parameters(operation),
    ]
    return {
        "operationId": operation.name,
        "tags": [operation.tag.name],
        "summary": summary,
        "description": description,
        "parameters": parameters,
        "responses": _responses(operation, has_parameters=bool(parameters)),
        "security": [{name: []} for name in operation.access.value.split()],
        **_request_body(operation.body),
    }


def _path_parameters(path: str) -> list[Document]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": examples.PATH[name][0],
            "example": examples.PATH[name][1],
            "schema": {"type": "string"},
        }
        for name in _PATH_ARGUMENT.findall(path)
    ]


def _query_parameters(model: type[Documented] | None) -> list[Document]:
    if model is None:
        return []
    schema = model.model_json_schema(ref_template=_REF)
    required = schema.get("required", ())
    return [
        _query_parameter(name, value, model.example, required=name in required)
        for name, value in schema["properties"].items()
    ]


def _query_parameter(
    name: str, value: Document, shown: Mapping[str, Any], *, required: bool
) -> Document:
    schema = _without_null(dict(value))
    schema.pop("title", None)
    description = {"description": schema.pop("description")} if "description" in schema else {}
    example = {"example": shown[name]} if name in shown else {}
    return {
        "name": name,
        "in": "query",
        "required": required,
        **description,
        **example,
        "schema": schema,
    }


def _header_parameters(operation: Operation) -> list[Document]:
    idempotency = (IDEMPOTENCY_HEADER,) if operation.idempotent else ()
    return [
        {
            "name": name,
            "in": "header",
            "required": False,
            "description": _HEADERS[name][0],
            "example": _HEADERS[name][2],
            "schema": {"type": "string", "pattern": _HEADERS[name][1]},
        }
        for name in (*operation.headers, *idempotency)
    ]


def _request_body(model: type[Documented] | None) -> Document:
    if model is None:
        return {}
    required = any(field.is_required() for field in model.model_fields.values())
    return {"requestBody": {"required": required, "content": {JSON: _content(model)}}}


def _responses(operation: Operation, *, has_parameters: bool) -> Document:
    answers: Document = {str(int(operation.status)): _answer(operation)}
    if operation.cached:
        answers["304"] = {"description": "Not Modified: the `ETag` is that of `If-None-Match`."}
    errors = {429, 503, 504, *operation.errors}
    if has_parameters or operation.body:
        errors.add(400)
    if operation.body:
        errors |= {413, 415}
    if operation.access is not Access.ANYBODY:
        errors |= {401, 403}
    for status in sorted(errors):
        if status == HTTPStatus.SERVICE_UNAVAILABLE and operation.unavailable:
            content = {JSON: {"schema": _ref(operation.unavailable)}}
        else:
            model = operation.conflict if status == HTTPStatus.CONFLICT else Problem
            shown = model.example.get("status") == status
            content = {problems.CONTENT_TYPE: _content(model, with_example=shown)}
        answers[str(status)] = {"description": problems.title_of(status), "content": content}
    return answers


def _answer(operation: Operation) -> Document:
    answer: Document = {"description": problems.title_of(operation.status)}
    if operation.cached:
        answer["headers"] = {"ETag": {"schema": {"type": "string"}}}
    if operation.answer is not None:
        answer["content"] = {operation.content_type: _content(operation.answer)}
    elif operation.content_type != JSON:
        answer["content"] = {operation.content_type: {"schema": {"type": "string"}}}
    return answer


def _content(kind: Any, *, with_example: bool = True) -> Document:
    """Return the schema of a model or a list of one, and its example."""
    model = _model_of(kind)
    schema = _ref(model) if kind is model else {"type": "array", "items": _ref(model)}
    shown = {"examples": {model.__name__: {"$ref": _EXAMPLE_REF.format(model=_name(kind))}}}
    return {"schema": schema, **(shown if with_example else {})}


def _model_of(kind: Any) -> Any:
    return next(iter(get_args(kind)), kind)


def _name(kind: Any) -> str:
    model: type[Documented] = _model_of(kind)
    return model.__name__ if kind is model else f"{model.__name__}s"


def _examples(operations: Iterable[Operation]) -> Document:
    """Return the examples of all bodies by name."""
    kinds = [kind for one in operations for kind in (one.body, one.answer, one.conflict) if kind]
    return {
        _name(kind): {
            "value": kind.example if _model_of(kind) is kind else [_model_of(kind).example]
        }
        for kind in sorted(kinds, key=_name)
    }


def _schemas(operations: Iterable[Operation]) -> Document:
    """Return the schemas by name. Raises ValueError if two models have the same name."""
    wanted: dict[type[BaseModel], str] = {Problem: _SERIALIZED}
    for operation in operations:
        for model, mode in (
            (operation.body, _VALIDATED),
            (_model_of(operation.answer), _SERIALIZED),
            (operation.conflict, _SERIALIZED),
            (operation.unavailable, _SERIALIZED),
        ):
            if model is not None:
                wanted[model] = mode
    pairs: Any = sorted(wanted.items(), key=lambda pair: pair[0].__name__)
    schemas: Document = models_json_schema(pairs, ref_template=_REF)[1]["$defs"]
    if twice := [name for name in schemas if "__" in name]:  # pydantic's way to tell them apart
        raise ValueError(f"two models of the API have the same name: {twice}")
    answers = set(_names_below(Answer))
    return {name: _tidied(schema, strip=name in answers) for name, schema in schemas.items()}


def _names_below(model: type[BaseModel]) -> Iterator[str]:
    for kind in model.__subclasses__():
        yield kind.__name__
        yield from _names_below(kind)


def _tidied(schema: Document, *, strip: bool) -> Document:
    """Return a schema without titles, which only repeat the names.

    With `strip`, properties are never null: answers leave out fields that have no value.
    """
    properties = {
        name: _without_null(dict(value)) if strip else dict(value)
        for name, value in schema.get("properties", {}).items()
    }
    for value in properties.values():
        value.pop("title", None)
        if value.get("default", ...) is None:
            del value["default"]
    return {**schema, **({"properties": properties} if properties else {})}


def _without_null(schema: Document) -> Document:
    options: Sequence[Mapping[str, Any]] = schema.get("anyOf", ())
    rest = [option for option in options if option != {"type": "null"}]
    if len(rest) == len(options):
        return schema
    schema.pop("anyOf")
    if schema.get("default", ...) is None:
        del schema["default"]
    return {**rest[0], **schema} if len(rest) == 1 else {"anyOf": rest, **schema}


def _ref(model: type[BaseModel]) -> Document:
    return {"$ref": _REF.format(model=model.__name__)}
