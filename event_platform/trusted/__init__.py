"""Trusted: an event id is there once across all dates, in its latest version, stored by kind and event date."""
