"""What is stored of trials and experiments, and read again."""
