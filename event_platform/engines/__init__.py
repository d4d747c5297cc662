"""What runs the SQL: one connection a run, with bounded memory."""
