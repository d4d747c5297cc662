"""Clicks, views and forms sent on web pages, pulled day by day from an HTTP API as one JSON array.

The API gives its records no id, so an event is what it says: the same user doing the same on the same page in the same second. Records that
agree in all of that are told apart by how many of their kind stood before them in the same answer. A date that is pulled again therefore
gives the ids it gave before and doubles nothing; an answer that holds more adds what is new, one that holds fewer takes nothing away.
A record that the API corrects afterwards is another event, for nothing tells which one it replaces.
"""

from event_platform.sources.contract import Column, Source, Subject
from event_platform.sources.formats import JsonDocument

SOURCE = Source(
    name="insights",
    title="Page insights",
    owner="team:insights",
    format=JsonDocument(),
    event_id="event_id",
    id_from=("username", "page", "event_name", "event_time"),
    timestamp="event_time",
    kind=("event_name",),
    columns=(
        Column(
            "event_id", "string", "Identifies the event: made of its values and of how many like it stood before it in the answer", nullable=False
        ),
        Column("username", "string", "Who did it", nullable=False, personal=True),
        Column("page", "string", "Path of the page on which it was done", nullable=False),
        Column("event_name", "string", "What was done: click, page_view or submit", nullable=False, accepted=("click", "page_view", "submit")),
        Column("event_time", "timestamp", "When it was done (UTC, to the second)", nullable=False, written="epoch_seconds"),
    ),
    subjects=(Subject("username", ("username",)),),
)
