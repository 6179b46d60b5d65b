"""What is computed of a person or a place, as of a moment: recipes name it, one engine computes it."""
