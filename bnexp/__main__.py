"""`python -m bnexp`: the same as the command `bnexp`."""

import sys

from bnexp.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
