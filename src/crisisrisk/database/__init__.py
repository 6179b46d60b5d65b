"""The operational database: scores and forecasts as they were made, and the keys of the service."""
