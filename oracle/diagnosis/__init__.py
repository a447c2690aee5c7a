"""Diagnosis: why a kernel is wrong, and where; never whether it is."""
