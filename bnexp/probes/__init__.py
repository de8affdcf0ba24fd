"""Diagnostics that observe a training, one file each; `specs.probes` says what each measures.  Here is TensorFlow."""
