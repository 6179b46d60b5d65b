"""Programs that run in an environment of their own, beside crisisrisk, and the making of those environments."""
