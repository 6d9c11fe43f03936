"""How requests are read: strictly, exactly as the OpenAPI document says, every fault named by its
field. Replaces APIFlask's own reader of Pydantic models, which is more generous than the document
that it writes."""

from typing import Any, get_origin

from apiflask.schema_adapters import registry
from apiflask.schema_adapters.pydantic import PydanticAdapter
from flask import Request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import UnsupportedMediaType

from common.errors import Invalid
from gateway.problems import InvalidFields


class MalformedJson(Invalid):
    """The body is not JSON."""


class StrictAdapter(PydanticAdapter):
    """Reads bodies and query strings into models."""

    def validate_input(self, request: Request, location: str, **_: Any) -> BaseModel:
        """The model; raises InvalidFields, MalformedJson or UnsupportedMediaType."""
        try:
            if location == "json":
                return self._body(request)
            return self.model_class.model_validate(self._query(request))
        except ValidationError as error:
            raise _to_invalid(error) from None

    def _body(self, request: Request) -> BaseModel:
        body = request.get_data(cache=False)
        request.stream.read(1)  # raises where a body of unknown length was cut off at the limit
        if not body and not _requires_something(self.model_class):
            return self.model_class()
        if body and request.mimetype != "application/json":
            raise UnsupportedMediaType("The body must be application/json")
        return self.model_class.model_validate_json(body)

    def _query(self, request: Request) -> dict[str, Any]:
        lists = {
            field.alias or name
            for name, field in self.model_class.model_fields.items()
            if get_origin(field.annotation) is tuple
        }
        return {
            name: values if name in lists else values[0] for name, values in request.args.lists()
        }


def install() -> None:
    """Use this reader for all Pydantic models."""
    registry.register("pydantic", StrictAdapter)


def _requires_something(model: type[BaseModel]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())


def _to_invalid(error: ValidationError) -> Invalid:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    if faults[0]["type"] == "json_invalid":
        return MalformedJson()
    return InvalidFields({_path(fault["loc"]) or "body": fault["msg"] for fault in faults})


def _path(location: tuple[int | str, ...]) -> str:
    """`("blocks", 3, "start")` → `blocks[3].start`."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path
