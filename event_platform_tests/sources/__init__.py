"""Tests of event_platform.sources."""
