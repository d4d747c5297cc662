"""Scans of parcels at depots and at the door, one JSON object a line."""

from datetime import date

from event_platform.sources.contract import Column, Rule, Source, Subject

SOURCE = Source(
    name="parcels",  # tables: stage.parcels, quarantine.parcels, trusted.parcels
    title="Parcel scans",
    owner="team:logistics",
    # Which column says that two records are the same event. The one with the later timestamp is kept.
    event_id="scan_id",
    timestamp="scanned_at",
    # An event before it goes to quarantine; each date since is a partition, which the UI shows as missing until there is something of it.
    first_date=date(2026, 1, 1),
    # trusted.parcels is stored by this, then by year, month and day.
    kind=("status",),
    columns=(
        Column("scan_id", "string", "Identifies the scan", nullable=False),
        Column("scanned_at", "timestamp", "When it was scanned (UTC)", nullable=False),
        Column("parcel", "string", "Number on the label", nullable=False),
        Column("status", "string", "What happened to the parcel", nullable=False, accepted=("received", "sent", "delivered")),
        Column("depot", "string", "Where; null at the door"),
        # Scales write `"mass": {"grams": 1200}`: the value stands within an object.
        Column("mass_grams", "long", "What the scales said", field="mass.grams"),
        Column("signed_by", "string", "Who took it", personal=True),  # masked in previews, and for most roles
    ),
    # A record for which this is true goes to quarantine, with the reason; so does one that breaks what the columns say.
    rules=(Rule("weighs nothing", "mass_grams <= 0"),),
    # `event-platform erase --subject signed_by=…` finds a person by this.
    subjects=(Subject("signed_by", ("signed_by",)),),
)
