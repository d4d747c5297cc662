"""Links lead on the site where they lead in the repository."""

from pathlib import Path

import pytest

from docs_site.links import fetched_from_elsewhere, on_the_site
from event_platform.errors import UsageError

SEEN_AT = "https://code.example.com/platform"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("README.md", "CONTRIBUTING.md", "docs/a.md", "docs/feeds/b.md", "docs/images/c.png", "monitoring/rules.yml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("page", "written", "led"),
    [
        ("README.md", "[a](docs/a.md#how)", "[a](a.md#how)"),
        ("README.md", "![shown](docs/images/c.png)", "![shown](images/c.png)"),
        ("README.md", "[`b`](docs/feeds/b.md) and [us](CONTRIBUTING.md)", "[`b`](feeds/b.md) and [us](contributing.md)"),
        ("docs/feeds/b.md", "[a](../a.md)", "[a](../a.md)"),
        ("docs/feeds/b.md", "[start](../../README.md)", "[start](../index.md)"),
        ("docs/a.md", "[rules](../monitoring/rules.yml)", f"[rules]({SEEN_AT}/monitoring/rules.yml)"),
        ("docs/a.md", "[there](#below) [elsewhere](https://example.com/docs/x.md)", "[there](#below) [elsewhere](https://example.com/docs/x.md)"),
        ("docs/a.md", "```\n[no link](nowhere.md)\n```\n", "```\n[no link](nowhere.md)\n```\n"),
    ],
)
def test_a_link_is_led_to_its_page(checkout: Path, page: str, written: str, led: str) -> None:
    assert on_the_site(written, page, checkout, SEEN_AT) == led


def test_a_file_that_cannot_be_shown_is_no_link(checkout: Path) -> None:
    assert on_the_site("the [rules](../monitoring/rules.yml) that", "docs/a.md", checkout, "") == "the rules that"


@pytest.mark.parametrize("target", ["nothing.md", "../monitoring/none.yml", "feeds/a.md#how"])
def test_a_link_to_nothing_is_refused_with_its_page(checkout: Path, target: str) -> None:
    with pytest.raises(UsageError, match=rf"docs/a\.md links to {target}"):
        on_the_site(f"see [it]({target})", "docs/a.md", checkout, SEEN_AT)


@pytest.mark.parametrize(
    "html",
    [
        '<script async src="https://cdn.example.com/a.js">',
        "<img alt=x src=//example.com/a.png>",
        '<link rel="stylesheet" href="https://fonts.example.com/css">',
        '<link href="https://fonts.example.com" rel="preconnect">',
    ],
)
def test_what_a_browser_would_fetch_from_elsewhere_is_found(html: str) -> None:
    assert fetched_from_elsewhere(f"<html>{html}</html>") == html


def test_links_that_a_reader_follows_are_none() -> None:
    assert fetched_from_elsewhere('<a href="https://dagster.io">Dagster</a><script src="a.js"></script><link rel="stylesheet" href="a.css">') is None
