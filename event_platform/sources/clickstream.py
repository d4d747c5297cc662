"""Clicks, views and forms of web pages, posted to the collector by browsers and servers.

A client may give each event an id of its own (`event_id`); then an event is what has that id, whatever is sent again is the same event, and two equal
clicks within one second are two. An event without an id is what it says: the same user doing the same on the same page in the same second,
however often it is sent, is one. The last version sent wins where the contents of one id differ.
"""

from event_platform.sources.contract import Column, Source, Subject

SOURCE = Source(
    name="clickstream",
    title="Clickstream",
    owner="team:insights",
    event_id="event_id",
    id_from=("username", "page", "event_name", "event_time"),
    id_may_be_given=True,
    timestamp="event_time",
    kind=("event_name",),
    columns=(
        Column("event_id", "string", "Identifies the event: given by the client, or made of the other columns where it gave none", nullable=False),
        Column("username", "string", "Who did it", nullable=False, personal=True),
        Column("page", "string", "On which page it was done; empty where the client names none", nullable=False),
        Column("event_name", "string", "What was done: click, page_view, submit, or whatever the client calls it", nullable=False),
        Column("event_time", "timestamp", "When it was done (UTC, to the second)", nullable=False, written="epoch_seconds"),
    ),
    subjects=(Subject("username", ("username",)),),
)
