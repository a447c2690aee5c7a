"""Where a kernel is wrong: statements, how they are found, and held against what was judged."""
