"""A user's own layers and datasets: found, hashed, imported for a while, tried."""
