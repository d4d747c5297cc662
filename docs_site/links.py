"""Links of a page as the site needs them: those to pages stay, those to other files of the repository lead there, and one to nothing is refused."""

import posixpath
import re
from pathlib import Path

from event_platform.errors import UsageError

MOVED = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Pages of the site that lie at the root of the repository, and where in docs/ they would lie."""

LINK = re.compile(r"\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^()\s]+)\)")
CODE = re.compile(r"(^```.*?^```)", re.DOTALL | re.MULTILINE)
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(?:https?:)?//[^>]*>"""
    r"""|<link\b(?=[^>]*\brel=["']?(?:stylesheet|preconnect|preload))[^>]*\bhref=["']?(?:https?:)?//[^>]*>"""
)


def on_the_site(markdown: str, page: str, checkout: Path, repository: str) -> str:
    """The page with its links changed; UsageError names a link to a file that is not there.

    `page` is the page's path in the repository, `repository` the address under which its files are seen; without one, such a link is only its text.
    """

    def changed(link: re.Match[str]) -> str:
        text, target = link["text"], link["target"]
        path, mark, anchor = target.partition("#")
        if not path or "://" in target or target.startswith("mailto:"):
            return link[0]
        file = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
        if not (checkout / file).exists():
            raise UsageError(f"{page} links to {target}, and there is no {file}; mend the link.")
        if file in MOVED or file.startswith("docs/"):
            return f"[{text}]({_from(page, file)}{mark}{anchor})"
        return f"[{text}]({repository}/{file})" if repository else text

    parts = CODE.split(markdown)
    return "".join(part if index % 2 else LINK.sub(changed, part) for index, part in enumerate(parts))


def place(file: str) -> str:
    """Where in docs/ a page lies for the site, by its path in the repository."""
    return MOVED.get(file, file.removeprefix("docs/"))


def fetched_from_elsewhere(html: str) -> str | None:
    """The first script, style, picture or frame of a page that a browser would fetch from another server."""
    found = FETCHED.search(html)
    return found[0] if found else None


def _from(page: str, file: str) -> str:
    return posixpath.relpath(place(file), posixpath.dirname(place(page)) or ".")
