"""What is different since earlier runs: another report, or all that a file of history has."""
