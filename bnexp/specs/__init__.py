"""What a trial is: pure values that check themselves.  No TensorFlow, no files."""
