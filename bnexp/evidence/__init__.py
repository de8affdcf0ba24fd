"""From records to what they show: two sides, pair by pair, in any metric; estimates, tests, one rule."""
