"""Judging: what decides whether a kernel is right, and with what certainty."""
