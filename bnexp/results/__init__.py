"""What is stored of trials and experiments; called as `bnexp.results("results")`, all trials as a table."""

from bnexp.lazy import callable_package

callable_package(__name__, "bnexp.api:results")
