"""Kafka and the schema registry: what messages are (`schemas`, `wire`), how both are spoken to (`client`, `registry`), the collector's sink."""
