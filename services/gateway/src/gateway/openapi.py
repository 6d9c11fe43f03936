"""The OpenAPI document, from the operations as they are declared, and a page to read it."""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from importlib import resources
from typing import Any, get_args

from apiflask import APIFlask
from flask import Blueprint, Flask, current_app, render_template_string
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway import problems, visitors
from gateway.api.operation import IDEMPOTENCY_HEADER, IDEMPOTENCY_KEY, TOKEN, Access, Described
from gateway.schemas.access import Problem
from gateway.schemas.types import TIMEZONE_FORMAT, TIMEZONE_SCHEMA
from gateway.settings import Settings

Document = dict[str, Any]
_REF = "#/components/schemas/{model}"
_VALIDATED, _SERIALISED = "validation", "serialization"

_SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token of a sign-in. Our own pages send it as a cookie instead.",
    },
    "manage_token": {
        "type": "apiKey",
        "in": "query",
        "name": TOKEN,
        "description": "The token of a booking's manage link, also as `Authorization: Manage`.",
    },
}

docs = Blueprint(
    "docs", __name__, url_prefix="/api/docs", static_folder="documentation", static_url_path=""
)


def register(app: APIFlask, settings: Settings) -> None:
    """Serve the document and its page."""
    app.config.update(
        OPENAPI_VERSION="3.1.0",
        AUTO_SERVERS=False,
        AUTO_200_RESPONSE=False,
        AUTO_404_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
    )
    app.description = (
        "Set up when a practice can be booked, find free slots, book them, and see to what was"
        " booked. Instants are RFC 3339 with offset, money is minor units with currency, ids are"
        " opaque. Errors are problem documents (RFC 9457): switch on `reason`."
    )
    app.servers = [{"url": settings.public_url.rstrip("/")}]
    app.spec_processor(lambda spec: _completed(spec, app))
    app.register_blueprint(docs)


@docs.get("")
def page() -> str:
    """The document as a page."""
    template = resources.files("gateway").joinpath("documentation/page.html").read_text()
    app: Any = current_app
    return render_template_string(template, document=app._get_spec())


def _completed(spec: Any, app: Flask) -> Document:
    described = {view.__name__: view.described for view in _operations(app)}
    components = spec.setdefault("components", {})
    components["schemas"] = _schemas(described.values())
    components["securitySchemes"] = _SECURITY_SCHEMES
    for path in spec["paths"].values():
        for operation in path.values():
            _complete(operation, described[operation["operationId"]])
    completed: Document = _with_timezones(spec)
    return completed


def _operations(app: Flask) -> Iterator[Any]:
    return (view for view in app.view_functions.values() if hasattr(view, "described"))


def _complete(operation: Document, described: Described) -> None:
    operation["parameters"] = [
        *map(_parameter, operation["parameters"]),
        *_header_parameters(described),
    ]
    operation["responses"] = _responses(described, has_parameters=bool(operation["parameters"]))
    if described.access.value:
        operation["security"] = [{name: []} for name in described.access.value]
    if described.body:
        operation["requestBody"] = {
            "required": any(f.is_required() for f in described.body.model_fields.values()),
            "content": {"application/json": {"schema": _ref(described.body)}},
        }


def _parameter(parameter: Document) -> Document:
    schema = _without_null(dict(parameter["schema"]))
    schema.pop("title", None)
    described = {"description": schema.pop("description")} if "description" in schema else {}
    return {**parameter, **described, "schema": schema}


def _header_parameters(described: Described) -> list[Document]:
    headers = list(described.headers)
    schemas: dict[str, tuple[str, str]] = {
        IDEMPOTENCY_HEADER: (
            "Repeated with the same key, the call answers as the first time. Choose it at random,"
            " such as a UUID: those who have not signed in share their keys.",
            f"^{IDEMPOTENCY_KEY}$",
        ),
        visitors.HEADER: ("Tells visitors apart that keep no cookies.", f"^{visitors.ID}$"),
    }
    if described.idempotent:
        headers.append(IDEMPOTENCY_HEADER)
    return [
        {
            "name": name,
            "in": "header",
            "required": False,
            "description": schemas[name][0],
            "schema": {"type": "string", "pattern": schemas[name][1]},
        }
        for name in headers
    ]


def _responses(described: Described, *, has_parameters: bool) -> Document:
    answers: Document = {str(int(described.status)): _answer(described)}
    if described.cached:
        answers["304"] = {"description": "As the `ETag` in `If-None-Match` says"}
    errors = {429, 503, 504, *described.errors}
    if has_parameters or described.body:
        errors.add(400)
    if described.body:
        errors |= {413, 415}
    if described.access is not Access.ANYBODY:
        errors |= {401, 403}
    for status in sorted(errors):
        if status == HTTPStatus.SERVICE_UNAVAILABLE and described.unavailable:
            content = {"application/json": {"schema": _ref(described.unavailable)}}
        else:
            model = described.conflict if status == HTTPStatus.CONFLICT else Problem
            content = {problems.CONTENT_TYPE: {"schema": _ref(model)}}
        answers[str(status)] = {"description": HTTPStatus(status).phrase, "content": content}
    return answers


def _answer(described: Described) -> Document:
    answer: Document = {"description": HTTPStatus(described.status).phrase}
    if described.cached:
        answer["headers"] = {"ETag": {"schema": {"type": "string"}}}
    if described.answer is not None:
        answer["content"] = {described.content_type: {"schema": _schema_of(described.answer)}}
    elif described.content_type != "application/json":
        answer["content"] = {described.content_type: {"schema": {"type": "string"}}}
    return answer


def _schema_of(answer: Any) -> Document:
    items = get_args(answer)
    return {"type": "array", "items": _ref(items[0])} if items else _ref(answer)


def _schemas(described: Any) -> Document:
    wanted: dict[type[BaseModel], str] = {Problem: _SERIALISED}
    for one in described:
        answer = next(iter(get_args(one.answer)), one.answer)
        for model, mode in (
            (one.body, _VALIDATED),
            (answer, _SERIALISED),
            (one.conflict, _SERIALISED),
            (one.unavailable, _SERIALISED),
        ):
            if model is not None:
                wanted[model] = mode
    pairs: Any = sorted(wanted.items(), key=lambda pair: pair[0].__name__)
    made: Document = models_json_schema(pairs, ref_template=_REF)[1]["$defs"]
    answers = {model.__name__ for model, mode in wanted.items() if mode == _SERIALISED}
    return {
        "Timezone": TIMEZONE_SCHEMA,
        **{name: _tidied(schema, strip=name in answers) for name, schema in made.items()},
    }


def _tidied(schema: Document, *, strip: bool) -> Document:
    """Without titles, which repeat the names; answers leave out what has no value."""
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


def _with_timezones(part: Any) -> Any:
    """Everywhere a reference to the one list of zones."""
    if isinstance(part, list):
        return [_with_timezones(one) for one in part]
    if not isinstance(part, dict):
        return part
    if part.get("format") == TIMEZONE_FORMAT:
        rest = {name: value for name, value in part.items() if name not in {"type", "format"}}
        return {"$ref": _REF.format(model="Timezone"), **rest}
    return {name: _with_timezones(value) for name, value in part.items()}


def _ref(model: type[BaseModel]) -> Document:
    return {"$ref": _REF.format(model=model.__name__)}
