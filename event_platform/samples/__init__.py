"""Seeded, made-up events: `events` makes feeds of any size (the benchmarks), `payments` and `storefront` files with trouble in them."""
