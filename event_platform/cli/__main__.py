"""`python -m event_platform.cli`."""

from event_platform.cli import main

main()
