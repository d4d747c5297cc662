"""Account and transaction events of a payment provider, one JSON object a line."""

from event_platform.sources.contract import Column, Source, Subject

SOURCE = Source(
    name="payments",
    title="Payment events",
    owner="team:payments",
    event_id="event_id",
    timestamp="timestamp",
    kind=("domain", "event_type"),
    columns=(
        Column("event_id", "string", "Identifies the event; later versions of an event carry the same id", nullable=False),
        Column("timestamp", "timestamp", "When the event happened (UTC); ISO 8601, no zone means UTC", nullable=False),
        Column("domain", "string", "What the event is about: account or transaction", nullable=False),
        Column("event_type", "string", "What happened to it: creation, status-change, …", nullable=False),
        Column("data", "json", "Body of the event, kept whole", personal=True),
    ),
    subjects=(
        Subject(
            "account_id",
            ("data.account_id", "data.from.account_id", "data.to.account_id"),
            sql=("CASE WHEN domain = 'account' THEN data ->> '$.id' END",),
        ),
        Subject("email", ("data.email",)),
        Subject("document", ("data.document",)),
        Subject("msisdn", ("data.recipient.msisdn",)),
    ),
    quarantine_share_warning=0.01,
)
