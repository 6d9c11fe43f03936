"""The API reference, a page made from the OpenAPI document and the chapters in `chapters/`."""

import json
import shlex
from collections.abc import Iterator, Mapping
from importlib import resources
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import urlencode

from jinja2 import Environment, FunctionLoader, StrictUndefined, Undefined, select_autoescape
from markdown_it import MarkdownIt
from markupsafe import Markup

from gateway.openapi import examples
from gateway.openapi.operation import JSON
from gateway.web.problems import title_of

Document = Mapping[str, Any]
CHAPTERS = {
    "getting-started": "Getting started",
    "authentication": "Authentication",
    "errors": "Errors",
    "idempotency": "Idempotency",
    "conventions": "Paging, times, money",
}
"""The chapters before the operations, by file name."""
_ACCESS = {
    (): "Public",
    ("bearer",): "Staff",
    ("bearer", "manage_token"): "Staff or manage link",
}
REASONS = json.loads(resources.files("gateway.openapi").joinpath("reasons.json").read_text("utf-8"))
"""Every error of the API as `status`, `reason`, `meaning`; `make reasons` collects them."""
_markdown = MarkdownIt("commonmark", {"html": False})
_markdown.add_render_rule("fence", lambda renderer, *parts: _focusable(renderer.fence(*parts)))


class Shown(NamedTuple):
    """An operation as the page shows it."""

    method: str
    path: str
    access: str
    declared: Document
    curl: str


def render(document: Document, **values: object) -> str:
    """Return the page; `values` are what chapters name besides the document."""
    environment = Environment(
        loader=FunctionLoader(_source),
        autoescape=select_autoescape(),  # HTML, not Markdown
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"prose": _prose, "phrase": _phrase, "pretty": _pretty}
    environment.globals |= {
        "document": document,
        "examples": examples,
        "response": lambda name: _fence(document["components"]["examples"][name]["value"]),
        "reasons": _reasons,
        "server": document["servers"][0]["url"],
        **values,
    }
    chapters = [
        (name, title, environment.get_template(f"chapters/{name}.md").render())
        for name, title in CHAPTERS.items()
    ]
    # The page asks whether optional parts of the document are there.
    page = environment.overlay(undefined=Undefined).get_template("documentation/page.html")
    return page.render(chapters=chapters, operations=list(_operations(document)))


def _source(name: str) -> str:
    return resources.files("gateway.openapi").joinpath(name).read_text("utf-8")


def _operations(document: Document) -> Iterator[Shown]:
    for path, methods in document["paths"].items():
        for method, declared in methods.items():
            access = _ACCESS[tuple(name for one in declared["security"] for name in one)]
            curl = _curl(document, path, method.upper(), declared)
            yield Shown(method.upper(), path, access, declared, curl)


def _curl(document: Document, path: str, method: str, declared: Document) -> str:
    """Return the command that makes the example's request."""
    parameters = [one for one in declared["parameters"] if "example" in one]
    values: dict[str, dict[str, Any]] = {place: {} for place in ("path", "query", "header")}
    for one in parameters:
        values[one["in"]][one["name"]] = one["example"]
    query = f"?{urlencode(values['query'], doseq=True)}" if values["query"] else ""
    headers = {**_authorization(declared), **values["header"]}
    body = _example_of(document, declared.get("requestBody", {}))
    if body is not None:
        headers["Content-Type"] = JSON
    verb = "" if method == ("GET" if body is None else "POST") else f"-X {method} "
    lines = [f'curl {verb}"$ATTUNE{path.format(**values["path"])}{query}"']
    lines += [f'-H "{name}: {value}"' for name, value in headers.items()]
    lines += [f"-d {shlex.quote(_pretty(body))}"] if body is not None else []
    return " \\\n  ".join(lines)


def _authorization(declared: Document) -> Mapping[str, str]:
    schemes = [name for one in declared["security"] for name in one]
    if "manage_token" in schemes:
        return {"Authorization": "Manage $TOKEN"}
    return {"Authorization": "Bearer $TOKEN"} if schemes else {}


def _example_of(document: Document, holder: Document) -> Any:
    """Return the example of a body; None if there is none."""
    for content in holder.get("content", {}).values():
        for example in content.get("examples", {}).values():
            name = example["$ref"].rpartition("/")[2]
            return document["components"]["examples"][name]["value"]
    return None


def _reasons() -> str:
    """Return all reasons as Markdown lists, one for each status."""
    parts = []
    for status, group in groupby(REASONS, key=lambda row: row["status"]):
        rows = "\n".join(f"- `{row['reason']}` {row['meaning']}" for row in group)
        parts.append(f"### {status} {title_of(status)}\n\n{rows}")
    return "\n\n".join(parts)


def _fence(value: object) -> str:
    return f"```json\n{_pretty(value)}\n```"


def _focusable(code: str) -> str:
    """Return a code block that can be scrolled with the keyboard."""
    return code.replace("<pre>", '<pre tabindex="0">', 1)


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _prose(text: str) -> Markup:
    return Markup(_markdown.render(text))  # noqa: S704  # raw HTML is off


def _phrase(text: str) -> Markup:
    return Markup(_markdown.renderInline(text))  # noqa: S704  # raw HTML is off
