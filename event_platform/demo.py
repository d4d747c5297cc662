"""The words of `event-platform demo`."""

FIRST_QUERY = (
    "SELECT domain_event_type, sum(events) AS events, sum(amount_minor) / 100 AS amount "
    "FROM aggregate.payments_daily GROUP BY ALL ORDER BY events DESC"
)

NEXT_STEPS = """
[bold]What next[/]
  event-platform sql                          a shell over all tables
  event-platform quarantine list payments     what could not be staged, and why
  event-platform land payments FILE…          your own files; then: event-platform run
  make ui                                     the asset graph, backfills and checks in the browser
"""
