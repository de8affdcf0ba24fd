"""Two variants, or two versions of the same variants, compared by a rule that can fail a continuous-integration job."""
