"""Property tests that are the same on every machine: no clock, no stored examples."""

from hypothesis import settings

settings.register_profile("bnexp", deadline=None, derandomize=True, database=None)
settings.load_profile("bnexp")
