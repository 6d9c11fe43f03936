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
    "missing": "Required.",
    "extra_forbidden": "Unknown field.",
    "string_type": "Must be a string.",
    "string_too_short": "Required.",
    "string_too_long": "At most {max_length} characters are allowed.",
    "int_type": "Must be a whole number.",
    "int_from_float": "Must be a whole number.",
    "int_parsing": "Must be a whole number.",
    "int_parsing_size": "Must be a whole number.",
    "greater_than_equal": "Must be {ge} or more.",
    "less_than_equal": "Must be {le} or less.",
    "bool_type": "Must be true or false.",
    "literal_error": "Must be one of: {expected}.",
    "tuple_type": "Must be a list.",
    "too_short": "At least {min_length} is required.",
    "too_long": "At most {max_length} are allowed.",
    "dict_type": "Must be an object.",
    "model_type": "Must be an object.",
    "value_error": "{error}",
}
_OTHER_MESSAGE = "Invalid value."
_KEY_MARK = "[key]"  # ends Pydantic's path to a key of a mapping
_MOST_PROBLEMS = 20  # in one answer
_LONGEST_NAME = 60
Model = TypeVar("Model", bound=BaseModel)


class MalformedJson(Invalid):
    """The body isn't valid JSON."""


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
        raise UnsupportedMediaType("Send the body as application/json.")
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
    where = f": check line {position[1]}, column {position[2]}" if position else ""
    return MalformedJson(f"The body isn't valid JSON{where}.")


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
