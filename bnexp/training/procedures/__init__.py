"""Ways to train one trial, from its data to its record: one file each."""
