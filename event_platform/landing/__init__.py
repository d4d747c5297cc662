"""Landing: files are claimed once, archived unchanged, and have one row each in the ledger `landing.<source>`."""
