"""What a program writes of the documentation says what the code says."""

import re

import pytest

from docs_site import pages, settings
from event_platform import environment

VARIABLE = re.compile(r"\bEVENT_PLATFORM_[A-Z][A-Z_]*[A-Z]\b")
TOLD_IN = ("*.md", "docs/**/*.md", "docker/**/*", "terraform/**/*.tf", "monitoring/**/*.yml", ".github/**/*.yml", "Makefile")


def test_the_written_pages_are_current() -> None:
    assert pages.stale() == [], "write them anew with: python -m docs_site"


def test_a_page_that_differs_is_stale_and_is_written_anew(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "reference").mkdir()
    monkeypatch.setattr(pages, "DOCS", tmp_path)
    assert pages.stale() == list(pages.WRITTEN)
    for name in pages.WRITTEN:
        pages.write(name)
    (tmp_path / "reference" / "cli.md").write_text("# Another")
    assert pages.stale() == ["reference/cli.md"]


@pytest.mark.parametrize("name", pages.WRITTEN)
def test_no_page_names_a_folder_of_this_machine(name: str) -> None:
    text = pages.WRITTEN[name]()
    assert str(environment.CHECKOUT) not in text
    assert not re.search(r"`/(?!…)\w+/\w+", text)


def test_each_setting_is_declared_once_and_told_once() -> None:
    names = [each.name for each in environment.settings()]
    assert len(names) == len(set(names))
    page = settings.page()
    assert [name for name in names if page.count(f"\n| `{name}`") != 1] == []


def test_no_variable_is_read_but_those_declared() -> None:
    folder = environment.CHECKOUT / "event_platform"
    written = {name for path in folder.rglob("*.py") for name in VARIABLE.findall(path.read_text())}
    assert {name for name in written if not _known(name)} == set()


def test_documents_and_deployments_name_only_settings_there_are() -> None:
    files = (path for pattern in TOLD_IN for path in environment.CHECKOUT.glob(pattern) if path.is_file() and path.suffix not in (".png", ".pyc"))
    found = {(variable, path.name) for path in files for variable in VARIABLE.findall(path.read_text())}
    assert {each for each in found if not _known(each[0])} == set()
    assert found


def _known(name: str) -> bool:
    """Whether it is a setting, one of a family, or what several have in common (`EVENT_PLATFORM_REDSHIFT_…`)."""
    return any(each.name == name or (each.prefix != each.name and name.startswith(each.prefix.rstrip("_"))) for each in environment.settings())
