"""Migrations of the operational database, forward only."""
