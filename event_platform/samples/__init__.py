"""Seeded, made-up events: `events` makes feeds of any size (the benchmarks); `payments`, `storefront` and `census` files with trouble in them."""
