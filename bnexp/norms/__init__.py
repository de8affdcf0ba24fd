"""Normalization methods: one file each, and the table that names them.  Importing this imports no TensorFlow."""
