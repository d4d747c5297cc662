"""Iceberg tables and files on disk: the only place that touches storage and catalogue libraries."""
