"""How a report is told: in words, on a terminal, and as a page."""
