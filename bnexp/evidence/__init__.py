"""From records to what they show: a metric on two sides, pair by pair; estimates, tests, one family, one rule.

`side` (trials of one point) -> `pairing` (which are pairs) -> `paired` (estimate and tests in a `metric`) -> `family`
(Holm) -> `rule` (what may be asserted).  `runs` and `time_to_accuracy` do the same for times, `confounds` lists what
else differs, `learning_rates` chooses the sides.  `experiment.Evidence` holds all of one experiment, `compare` all of
two sides that `sides` found by what a user typed, `agreement` holds two records of one trial against each other.
"""
