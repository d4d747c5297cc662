"""The list of feeds, in the docs too."""

import pytest

from event_platform import environment
from event_platform.errors import UsageError
from event_platform.feeds import all_feeds, markdown, updated

DOCUMENT = environment.CHECKOUT / "docs" / "feeds" / "README.md"


def test_the_table_of_the_docs_is_that_of_the_contracts() -> None:
    written = DOCUMENT.read_text()
    assert written == updated(written, markdown(all_feeds())), "stale; mend it with: event-platform feeds --update docs/feeds/README.md"


def test_a_feed_tells_its_format_identity_and_tables() -> None:
    found = {feed.source: feed for feed in all_feeds()}
    assert (found["payments"].format, found["census"].format) == ("JSON lines", "CSV")
    assert found["payments"].kinds == "domain-event_type"
    assert found["insights"].event_id == "event_id, made of username, page, event_name, event_time"
    assert found["storefront"].aggregates == ("aggregate.storefront_sessions", "aggregate.storefront_funnel")


def test_only_what_is_between_the_markers_changes() -> None:
    document = "# Before\n<!-- feeds: begin -->\nold\n<!-- feeds: end -->\nafter\n"
    assert updated(document, "| new |\n") == document.replace("old", "| new |")
    with pytest.raises(UsageError, match="feeds: begin"):
        updated("# Nothing here", "| new |\n")
