"""A process for each candidate: what it does there ends nothing here."""
