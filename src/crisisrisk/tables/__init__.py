"""What the agencies' records must look like, and where the checked ones are kept."""
