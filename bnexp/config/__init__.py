"""A config file to an experiment: all mistakes at once, each at its line."""
