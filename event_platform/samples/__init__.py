"""Seeded, made-up events, for the demo and for measuring."""
