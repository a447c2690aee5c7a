"""The console script `convcheck` and those of its commands that judge."""
