"""The OpenAPI document, made from the operations as they are declared, and a page to read it."""

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from importlib import resources
from typing import Any, get_args

import orjson
from flask import Blueprint, Flask, render_template_string
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.identity import manage_links, visitors
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
from gateway.openapi.types import TIMEZONE_FORMAT, TIMEZONE_SCHEMA
from gateway.settings import Settings
from gateway.web import problems

Document = dict[str, Any]
_REF = "#/components/schemas/{model}"
_VALIDATED, _SERIALIZED = "validation", "serialization"
_PATH_ARGUMENT = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
_DESCRIPTION = (
    "Set up when a practice can be booked, find free slots, book them, and see to what was"
    " booked. Instants are RFC 3339 with offset, money is minor units with currency, ids are"
    " opaque. Errors are problem documents (RFC 9457): switch on `reason`."
)
_SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token of a sign-in. Our own pages send it as a cookie instead.",
    },
    "manage_token": {
        "type": "apiKey",
        "in": "query",
        "name": manage_links.PARAMETER,
        "description": "The token of a booking's manage link, also as `Authorization: Manage`.",
    },
}
_HEADERS = {  # name: (description, pattern)
    IDEMPOTENCY_HEADER: (
        "Repeated with the same key, the call answers as the first time. Choose it at random,"
        " such as a UUID: those who have not signed in share their keys.",
        f"^{IDEMPOTENCY_KEY}$",
    ),
    visitors.HEADER: ("Tells visitors apart that keep no cookies.", f"^{visitors.ID}$"),
}


def register(app: Flask, served: Sequence[Operations], settings: Settings) -> None:
    """Serve the document and its page."""
    document = functools.cache(lambda: make(served, settings))
    template = resources.files("gateway").joinpath("openapi/documentation/page.html").read_text()
    docs = Blueprint(
        "docs", __name__, url_prefix="/api/docs", static_folder="documentation", static_url_path=""
    )

    def page() -> bytes:
        return render_template_string(template, document=document()).encode()

    docs.add_url_rule("", "page", made_once(page, "text/html; charset=utf-8"))
    app.register_blueprint(docs)
    as_json = made_once(lambda: orjson.dumps(document()), JSON)
    app.add_url_rule(f"{PREFIX}/openapi.json", "openapi", as_json)


def make(served: Sequence[Operations], settings: Settings) -> Document:
    """Return the document for the operations that are served."""
    operations = [operation for resource in served for operation in resource.declared]
    paths: dict[str, Document] = {}
    for operation in operations:
        path = _PATH_ARGUMENT.sub(r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation)
    document: Document = _with_shared_timezones(
        {
            "openapi": "3.1.0",
            "info": {"title": "Attune", "version": "1", "description": _DESCRIPTION},
            "servers": [{"url": settings.public_url.rstrip("/")}],
            "tags": [tag._asdict() for tag in dict.fromkeys(one.tag for one in served)],
            "paths": paths,
            "components": {
                "schemas": _schemas(operations),
                "securitySchemes": _SECURITY_SCHEMES,
            },
        }
    )
    return document


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
        **({"description": description} if description else {}),
        "parameters": parameters,
        "responses": _responses(operation, has_parameters=bool(parameters)),
        **_security(operation.access),
        **_request_body(operation.body),
    }


def _path_parameters(path: str) -> list[Document]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PATH_ARGUMENT.findall(path)
    ]


def _query_parameters(model: type[BaseModel] | None) -> list[Document]:
    if model is None:
        return []
    schema = model.model_json_schema(ref_template=_REF)
    required = schema.get("required", ())
    return [
        _query_parameter(name, value, required=name in required)
        for name, value in schema["properties"].items()
    ]


def _query_parameter(name: str, value: Document, *, required: bool) -> Document:
    schema = _without_null(dict(value))
    schema.pop("title", None)
    description = {"description": schema.pop("description")} if "description" in schema else {}
    return {"name": name, "in": "query", "required": required, **description, "schema": schema}


def _header_parameters(operation: Operation) -> list[Document]:
    idempotency = (IDEMPOTENCY_HEADER,) if operation.idempotent else ()
    return [
        {
            "name": name,
            "in": "header",
            "required": False,
            "description": _HEADERS[name][0],
            "schema": {"type": "string", "pattern": _HEADERS[name][1]},
        }
        for name in (*operation.headers, *idempotency)
    ]


def _security(access: Access) -> Document:
    return {"security": [{name: []} for name in access.value.split()]} if access.value else {}


def _request_body(model: type[BaseModel] | None) -> Document:
    if model is None:
        return {}
    required = any(field.is_required() for field in model.model_fields.values())
    return {"requestBody": {"required": required, "content": {JSON: {"schema": _ref(model)}}}}


def _responses(operation: Operation, *, has_parameters: bool) -> Document:
    answers: Document = {str(int(operation.status)): _answer(operation)}
    if operation.cached:
        answers["304"] = {"description": "As the `ETag` in `If-None-Match` says"}
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
            content = {problems.CONTENT_TYPE: {"schema": _ref(model)}}
        answers[str(status)] = {"description": problems.title_of(status), "content": content}
    return answers


def _answer(operation: Operation) -> Document:
    answer: Document = {"description": problems.title_of(operation.status)}
    if operation.cached:
        answer["headers"] = {"ETag": {"schema": {"type": "string"}}}
    if operation.answer is not None:
        answer["content"] = {operation.content_type: {"schema": _schema_of(operation.answer)}}
    elif operation.content_type != JSON:
        answer["content"] = {operation.content_type: {"schema": {"type": "string"}}}
    return answer


def _schema_of(answer: Any) -> Document:
    items = get_args(answer)
    return {"type": "array", "items": _ref(items[0])} if items else _ref(answer)


def _schemas(operations: Iterable[Operation]) -> Document:
    """Return the schemas by name. Raises ValueError if two models have the same name."""
    wanted: dict[type[BaseModel], str] = {Problem: _SERIALIZED}
    for operation in operations:
        answer = next(iter(get_args(operation.answer)), operation.answer)
        for model, mode in (
            (operation.body, _VALIDATED),
            (answer, _SERIALIZED),
            (operation.conflict, _SERIALIZED),
            (operation.unavailable, _SERIALIZED),
        ):
            if model is not None:
                wanted[model] = mode
    pairs: Any = sorted(wanted.items(), key=lambda pair: pair[0].__name__)
    schemas: Document = models_json_schema(pairs, ref_template=_REF)[1]["$defs"]
    if twice := [name for name in schemas if "__" in name]:  # pydantic's way to tell them apart
        raise ValueError(f"two models of the API have the same name: {twice}")
    answers = {model.__name__ for model, mode in wanted.items() if mode == _SERIALIZED}
    return {
        "Timezone": TIMEZONE_SCHEMA,
        **{name: _tidied(schema, strip=name in answers) for name, schema in schemas.items()},
    }


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


def _with_shared_timezones(part: Any) -> Any:
    """Replace inline time zone schemas with a reference to the shared one."""
    if isinstance(part, list):
        return [_with_shared_timezones(one) for one in part]
    if not isinstance(part, dict):
        return part
    if part.get("format") == TIMEZONE_FORMAT:
        rest = {name: value for name, value in part.items() if name not in {"type", "format"}}
        return {"$ref": _REF.format(model="Timezone"), **rest}
    return {name: _with_shared_timezones(value) for name, value in part.items()}


def _ref(model: type[BaseModel]) -> Document:
    return {"$ref": _REF.format(model=model.__name__)}
