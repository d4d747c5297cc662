"""Alerts on the weather: rules on the columns of trusted.weather, the messages they cause, and the log of who was told what.

A round (`rounds.py`) looks at the observations that are new, notes what is to be said in `aggregate.weather_alerts`, and sends what is due.
Without a configuration file (`alerts.toml` in the home) nothing happens.
"""
