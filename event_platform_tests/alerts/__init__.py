"""Tests of event_platform.alerts."""
