"""What kernels are handed: arrays of which library, and how they lie in memory."""
