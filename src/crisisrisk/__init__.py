"""Who and where a mental-health crisis contact is likely, before it happens."""

__version__ = "0.1.0"
