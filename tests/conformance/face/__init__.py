"""The face: judging kernels from Python, by the plan."""
