"""How requests are read: strictly, exactly as the OpenAPI document says, every fault named by its
field and said in words of ours. Replaces APIFlask's own reader of Pydantic models, which is more
generous than the document that it writes."""

import re
from collections.abc import Mapping
from typing import Any, get_origin

from apiflask.schema_adapters import registry
from apiflask.schema_adapters.pydantic import PydanticAdapter
from flask import Request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import UnsupportedMediaType

from common.errors import Invalid
from gateway.problems import InvalidFields
from gateway.schemas.types import PATTERNS

_WORDS: Mapping[str, str] = {  # by the kind of fault, with what Pydantic knows of it
    "missing": "This is needed.",
    "extra_forbidden": "There is no such field.",
    "string_type": "A text is needed.",
    "string_too_short": "This is needed.",
    "string_too_long": "At most {max_length} characters are allowed.",
    "int_type": "A whole number is needed.",
    "int_from_float": "A whole number is needed.",
    "int_parsing": "A whole number is needed.",
    "int_parsing_size": "A whole number is needed.",
    "greater_than_equal": "A number from {ge} is needed.",
    "less_than_equal": "A number up to {le} is needed.",
    "bool_type": "Either true or false is needed.",
    "literal_error": "One of these is needed: {expected}.",
    "tuple_type": "A list is needed.",
    "too_short": "At least {min_length} is needed.",
    "too_long": "At most {max_length} are allowed.",
    "dict_type": "An object is needed.",
    "model_type": "An object is needed.",
    "value_error": "{error}",
}
_OTHERWISE = "This is not valid."
_OF_A_KEY = "[key]"  # how Pydantic ends the path to a key of a mapping
_MOST_FAULTS = 20  # told at once
_LONGEST_NAME = 60


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
            raise UnsupportedMediaType("The body must be application/json.")
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
    faults = error.errors(include_url=False, include_input=False)
    if faults[0]["type"] == "json_invalid":
        return _malformed(faults[0]["ctx"]["error"])
    return InvalidFields({_path(f["loc"]) or "body": _words(f) for f in faults[:_MOST_FAULTS]})


def _malformed(error: str) -> MalformedJson:
    place = re.search(r"line (\d+) column (\d+)", error)
    where = f": see line {place[1]}, column {place[2]}" if place else ""
    return MalformedJson(f"The body is not JSON{where}.")


def _words(fault: Any) -> str:
    """What is wrong, without what was sent."""
    known = fault.get("ctx", {})
    if fault["type"] == "string_pattern_mismatch":
        return PATTERNS.get(known["pattern"], _OTHERWISE)
    if "expected" in known:
        known = {"expected": known["expected"].replace("'", "")}
    return _WORDS.get(fault["type"], _OTHERWISE).format(**known)


def _path(location: tuple[int | str, ...]) -> str:
    """`("blocks", 3, "start")` → `blocks[3].start`."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part != _OF_A_KEY:
            path += f".{_name(part)}" if path else _name(part)
    return path


def _name(sent: str) -> str:
    """The name of a field; of one that there is not, only if it could be one."""
    return sent if len(sent) <= _LONGEST_NAME and sent.isprintable() else "?"
