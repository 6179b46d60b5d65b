"""What a site does by itself: a schedule, a worker that follows it, and the jobs."""
