"""Requests are measured by method, route, and status."""

import pytest
from flask.testing import FlaskClient

from attune_testing.measurements import Measurements

pytestmark = pytest.mark.req("PF-12")
DURATION = "http.server.request.duration"


def test_a_request_is_measured_by_its_route_and_not_its_path(
    browser: FlaskClient, measurements: Measurements
) -> None:
    before = measurements.total(DURATION, http_response_status_code=404)
    assert browser.get("/api/v1/nothing/here").status_code == 404
    assert browser.get("/healthz").status_code == 200
    assert measurements.total(DURATION, http_response_status_code=404) == before + 1
    [healthy] = measurements.points(DURATION, http_route="/healthz", http_response_status_code=200)
    assert dict(healthy.attributes) == {
        "http.request.method": "GET",
        "http.route": "/healthz",
        "http.response.status_code": 200,
        "url.scheme": "http",
    }
    assert {0.25, 1.0} <= set(healthy.explicit_bounds), "the thresholds of objectives"
    for point in measurements.points(DURATION, http_response_status_code=404):
        assert "nothing" not in str(dict(point.attributes))


def test_a_failure_of_ours_has_its_type(browser: FlaskClient, measurements: Measurements) -> None:
    """This gateway has no services behind it, so a page fails."""
    path = "/api/v1/providers/{username}/slots"
    query = "service=a&mode=phone&from=2026-12-01&to=2026-12-02"
    answer = browser.get(f"/api/v1/providers/ada/slots?{query}")
    assert answer.status_code == 503
    routes = {p.attributes["http.route"] for p in measurements.points(DURATION, error_type="503")}
    assert any("slots" in route and "ada" not in route for route in routes), (path, routes)
