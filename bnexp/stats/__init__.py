"""Estimates and tests as pure functions over arrays: nothing is read, nothing is drawn but from a stated seed."""
