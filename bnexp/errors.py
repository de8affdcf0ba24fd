"""The one exception for faults that the user can mend."""


class UserError(Exception):
    """A mistake in a config, an option, a file or the surroundings.

    The command line prints its text without a traceback and exits with `exit_code`
    (2: wrong use or configuration).  The text states the rule, what was received and the likely fix.
    """

    exit_code = 2
