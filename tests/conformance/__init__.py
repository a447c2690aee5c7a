"""Which cases: the pytest plugin, and the tests that judge a kernel."""
