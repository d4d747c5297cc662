"""Whatever is sent, by the OpenAPI document or against it: an agreed status, JSON, and never a failure."""

import http.client
import json
import re

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from event_platform_tests.realtime.conftest import Running

AGREED = {200, 400, 401, 403, 404, 405, 406, 408, 411, 413, 415, 422, 429, 431, 503}
EXAMPLES = settings(max_examples=12, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def check(status: int, body: bytes) -> None:
    assert status in AGREED
    assert not re.search(rb"Traceback|File \"|Error\(", body)


def test_requests_by_the_document_and_beside_it(shared: Running) -> None:
    schema = schemathesis.openapi.from_url(f"{shared.url}/openapi.json")
    modes = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
    seen = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        seen.add(operation.label)
        for mode in modes:

            @given(case=operation.as_strategy(generation_mode=mode))
            @EXAMPLES
            def send(case: schemathesis.Case) -> None:
                answer = case.call(base_url=shared.url, timeout=30)
                check(answer.status_code, answer.content)

            try:
                send()
            except hypothesis.errors.Unsatisfiable:  # nothing can be wrong with a request that has no parts
                continue
    assert len(seen) == 8


PATHS = ["/event/clickstream", "/event/clickstream.gif", "/event/%00", "/v1/batch", "/v1/track", "/v1/page", "/health", "/openapi.json", "/%2e%2e/"]
HEADERS = st.dictionaries(
    st.sampled_from(["Content-Type", "Content-Encoding", "Authorization", "X-API-Key", "X-Request-Id", "Origin", "Content-Length", "Accept"]),
    st.one_of(
        st.sampled_from(["application/cloudevents+json", "application/cloudevents-batch+json", "gzip", "deflate", "Basic !", "-1", "0", "9" * 30]),
        st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=20),
    ),
    max_size=3,
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["batch", "type", "event", "timestamp", "context", "page", "properties", "data", "id", "source", "time",
                                         "specversion", "username", "event_time", "writeKey", "data_base64"]), inner, max_size=4),
    ),
)  # fmt: skip
BODIES = st.one_of(st.binary(max_size=50), JSON.map(lambda value: json.dumps(value).encode()))


@given(method=st.sampled_from(["POST", "GET", "HEAD", "PUT", "OPTIONS"]), path=st.sampled_from(PATHS), headers=HEADERS, body=BODIES)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anything_at_all(shared: Running, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=30)
    try:
        connection.request(method, path, body if "Content-Length" not in headers or method == "POST" else None, headers)
        answer = connection.getresponse()
        check(answer.status, answer.read())
    except (http.client.BadStatusLine, ConnectionError, ValueError):  # not HTTP, and treated so
        pass
    finally:
        connection.close()
    assert requests.get(f"{shared.url}/health", timeout=30).status_code == 200
