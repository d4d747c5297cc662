"""SQL for people: every table of the lake, as of one moment, also while the pipeline writes."""
