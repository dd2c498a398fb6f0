"""The same examples in every run, and no stop-watch: a busy machine must not turn a test red."""

from hypothesis import settings

settings.register_profile("healgate", derandomize=True, deadline=None)
settings.load_profile("healgate")
