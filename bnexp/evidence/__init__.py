"""From records to what they show: a metric on two sides, pair by pair; estimates, tests, one family, one rule.

`side` (trials of one point, and which of two are pairs) -> `paired` (estimate and tests in a `metric`) -> `rule` (Holm,
and what may be asserted).  `time_to_accuracy` does the same for times, `confounds` lists what else differs,
`learning_rates` chooses the sides.  `experiment.Evidence` holds all of one experiment, `compare` all of two sides that
`sides` found by what a user typed, `agreement` holds two records of one trial against each other.
"""
