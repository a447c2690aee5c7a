"""A kernel beside the one that it replaces."""
