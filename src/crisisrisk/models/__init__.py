"""Models, their calibration, their reasons, and the verified folders they travel in."""
