"""The service: who may ask what, and how it is answered. Importing this imports no web framework."""
