"""Where mobile teams can best stand, given what is expected where: travel times, coverage models, plans."""
