"""Stage: every line of every landed file is in `stage.<source>` or in `quarantine.<source>`, once."""
