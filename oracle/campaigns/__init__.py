"""Campaigns: regions that are certified in parts, by many workers."""
