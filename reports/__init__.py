"""How it is told: reads what was found, and never compares a second time."""
