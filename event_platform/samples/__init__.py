"""Seeded, made-up events: `events` makes feeds of any size (the benchmarks), `payments` the demo's files with some trouble in them."""
