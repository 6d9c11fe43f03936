"""Reading of requests: strict, exactly as the OpenAPI document says.

Every problem is named by its field, in words of our own.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, get_origin

from flask import Request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import UnsupportedMediaType

from common.errors import Invalid
from gateway.openapi.types import PATTERNS
from gateway.web.problems import InvalidFields

_MESSAGES: Mapping[str, str] = {  # by Pydantic's type of error, with values from its context
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
_OTHER_MESSAGE = "This is not valid."
_KEY_MARK = "[key]"  # ends Pydantic's path to a key of a mapping
_MOST_PROBLEMS = 20  # in one answer
_LONGEST_NAME = 60
Model = TypeVar("Model", bound=BaseModel)


class MalformedJson(Invalid):
    """The body is not JSON."""


def body(request: Request, model: type[Model]) -> Model:
    """Return the JSON body as a model.

    An absent body stands for an empty object if the model requires nothing. Raises InvalidFields,
    MalformedJson, or UnsupportedMediaType.
    """
    sent = request.get_data(cache=False)
    request.stream.read(1)  # raises if a body of unknown length was cut off at the limit
    if not sent and not _requires_something(model):
        return model()
    if sent and request.mimetype != "application/json":
        raise UnsupportedMediaType("The body must be application/json.")
    try:
        return model.model_validate_json(sent)
    except ValidationError as error:
        raise _to_invalid(error) from None


def query(request: Request, model: type[Model]) -> Model:
    """Return the query string as a model. Raises InvalidFields."""
    lists = _list_parameters(model)
    values = {name: values if name in lists else values[0] for name, values in request.args.lists()}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _to_invalid(error) from None


@cache
def _list_parameters(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(
        field.alias or name
        for name, field in model.model_fields.items()
        if get_origin(field.annotation) is tuple
    )


def _requires_something(model: type[BaseModel]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())


def _to_invalid(error: ValidationError) -> Invalid:
    problems = error.errors(include_url=False, include_input=False)
    if problems[0]["type"] == "json_invalid":
        return _malformed(problems[0]["ctx"]["error"])
    return InvalidFields(
        {_path(p["loc"]) or "body": _message(p) for p in problems[:_MOST_PROBLEMS]}
    )


def _malformed(error: str) -> MalformedJson:
    position = re.search(r"line (\d+) column (\d+)", error)
    where = f": see line {position[1]}, column {position[2]}" if position else ""
    return MalformedJson(f"The body is not JSON{where}.")


def _message(problem: Any) -> str:
    """Return what is wrong, without the value that was sent."""
    context = problem.get("ctx", {})
    if problem["type"] == "string_pattern_mismatch":
        return PATTERNS.get(context["pattern"], _OTHER_MESSAGE)
    if "expected" in context:
        context = {"expected": context["expected"].replace("'", "")}
    return _MESSAGES.get(problem["type"], _OTHER_MESSAGE).format(**context)


def _path(location: tuple[int | str, ...]) -> str:
    """`("blocks", 3, "start")` → `blocks[3].start`."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part != _KEY_MARK:
            path += f".{_name(part)}" if path else _name(part)
    return path


def _name(sent: str) -> str:
    """Return the name of a field, or `?` if the name sent could not be one of ours."""
    return sent if len(sent) <= _LONGEST_NAME and sent.isprintable() else "?"
