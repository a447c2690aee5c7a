"""Cases: numbers and regions to judge kernels on."""
