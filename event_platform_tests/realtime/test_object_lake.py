"""Where the lake is on S3, segments grow on the local disk and are landed there."""

from pathlib import Path

import pytest

from event_platform import environment
from event_platform.landing import segments
from event_platform.landing.segments import Segment
from event_platform_tests.pipeline import Pipeline
from event_platform_tests.realtime.conftest import CLICK

pytestmark = pytest.mark.server


@pytest.mark.usefixtures("lake_url")
def test_events_get_to_a_lake_on_s3(clickstream: Pipeline, home: Path) -> None:
    import json

    here = environment.read()
    handed_over, left = Segment(here, clickstream.source), Segment(here, clickstream.source)
    handed_over.append(json.dumps(CLICK).encode() + b"\n")
    handed_over.hand_over()
    left.append(json.dumps(CLICK | {"event_id": "a"}).encode() + b"\ntorn")
    left.close()
    assert segments.is_queue_empty(here, clickstream.source) is False
    clickstream.run_well()
    assert clickstream.sql("SELECT count(*) FROM trusted.clickstream") == [(2,)]
    assert list(home.rglob("collected-*")) == []
