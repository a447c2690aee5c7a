"""Decides whether a 2-D convolution kernel is right.

The package's parts are folders of their own: `reference`, `oracle`, `conformance` and
`reports`.  PYTEST_DONT_REWRITE: the console script imports it before pytest starts.
"""
