"""The API reference page."""

import html
import json
import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.reasons import TABLE, collect

pytestmark = pytest.mark.req("GW-1")


@pytest.fixture
def document(browser: FlaskClient) -> Any:
    return browser.get("/api/v1/openapi.json").json


@pytest.fixture
def page(browser: FlaskClient) -> str:
    answer = browser.get("/api/docs")
    assert answer.mimetype == "text/html"
    return answer.text


def test_it_needs_no_script_and_nothing_from_elsewhere(page: str, browser: FlaskClient) -> None:
    assert re.findall(r'<(?:link|img|iframe|script)[^>]*(?:href|src)="([^"]*)"', page) == [
        "data:,",
        "/api/docs/docs.css",
    ]
    assert "<script" not in page
    assert "style=" not in page
    with browser.get("/api/docs/docs.css") as css:
        assert css.mimetype == "text/css"


def test_every_link_within_it_leads_somewhere(page: str) -> None:
    anchors = re.findall(r'id="([^"]+)"', page)
    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(anchors)


def test_every_operation_has_an_example_of_request_and_response(page: str, document: Any) -> None:
    articles = dict(re.findall(r'<article aria-labelledby="([^"]+)">(.*?)</article>', page, re.S))
    for path, methods in document["paths"].items():
        for operation in methods.values():
            article = articles[operation["operationId"]]
            assert path in article
            assert '<figcaption>Request</figcaption><pre tabindex="0"><code' in article, path
            done = next(a for s, a in operation["responses"].items() if s.startswith("2"))
            shown = "<figcaption>Response" in article
            assert shown == ("application/json" in done.get("content", {})), path


def test_the_chapters_come_first(page: str) -> None:
    headings = re.findall(r'<h2 id="[^"]+">([^<]+)</h2>', page)
    assert headings[:5] == [
        "Getting started",
        "Authentication",
        "Errors",
        "Idempotency",
        "Paging, times, money",
    ]


def test_markdown_is_rendered(page: str) -> None:
    prose = re.sub(r"<pre.*?</pre>", "", page, flags=re.S)
    assert "`" not in prose
    assert "{{" not in page


def test_the_table_of_reasons_is_that_of_the_code(page: str) -> None:
    rows = collect()
    assert json.loads(TABLE.read_text()) == rows, "run make reasons"
    for row in rows:
        assert f"<code>{row['reason']}</code>" in page
        assert str(row["meaning"]).split("`")[0] in html.unescape(page)
