"""A report in a format: names in it are somebody else's, and come out harmless."""
