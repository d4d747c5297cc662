"""What mkdocs is told beyond mkdocs.yml: which pages lie outside docs/, how links are changed, and that no page fetches anything from elsewhere."""

from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from docs_site import links, pages
from event_platform.environment import CHECKOUT
from event_platform.errors import UsageError


def on_files(files: Files, config: Any, **_: object) -> Files:  # noqa: ANN401 - mkdocs' configuration
    """Refuse pages that are not current; add those that lie at the root of the repository."""
    if stale := pages.stale():
        raise PluginError(f"{' and '.join(stale)}: not current; write it anew with: python -m docs_site")
    for file, page in links.MOVED.items():
        files.append(File.generated(config, page, content=(CHECKOUT / file).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, **_: object) -> str:  # noqa: ANN401 - mkdocs' page
    """Change the links of a page."""
    file = {place: file for file, place in links.MOVED.items()}.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    try:
        return links.on_the_site(markdown, file, CHECKOUT, config.extra["repository"])
    except UsageError as error:
        raise PluginError(str(error)) from error


def on_post_page(output: str, page: Any, **_: object) -> str:  # noqa: ANN401
    """Refuse a page that a browser would need others for."""
    if found := links.fetched_from_elsewhere(output):
        raise PluginError(f"{page.file.src_uri} fetches something from elsewhere: {found}")
    return output
