"""How the platform is: figures for Prometheus, told by tables' metadata, Dagster and Kafka; and who is told of a problem."""
