"""The layout of a lake: a number that each table is given, as a property, when it is made.

What each number stands for:

0  tables that have no number, made before it was kept. Columns they lack are added when they are opened, and no file is rewritten
1  the same, with the number

A change after which this code could misread a table, or an older one a new table, takes the next number; see docs/upgrading.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from event_platform.errors import PermanentError

LAYOUT = 1
PROPERTY = "event_platform.layout"


def require_known_layout(table: str, properties: Mapping[str, str]) -> None:
    """Raise PermanentError when a table (with these properties) was made by a platform whose layout this one does not know."""
    layout = properties.get(PROPERTY, "0")
    if layout not in map(str, range(LAYOUT + 1)):
        raise PermanentError(
            f"{table} has the layout {layout}, and this version of the platform knows those up to {LAYOUT}: a newer one made the table. Nothing was "
            "read or changed. Install the newer version (pip install --upgrade event-platform), or work on a copy of the lake from before."
        )
