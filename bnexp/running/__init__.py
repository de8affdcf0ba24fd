"""Running: trials out to worker processes, records back to the store.  No TensorFlow in this process."""
