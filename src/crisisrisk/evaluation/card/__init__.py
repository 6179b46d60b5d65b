"""The trust sheet of a run of people: what it says, its plots, and how it becomes HTML, Markdown and JSON."""
