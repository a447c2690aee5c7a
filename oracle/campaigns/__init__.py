"""Regions: certificates of them, and campaigns, in which many workers certify parts of one."""
