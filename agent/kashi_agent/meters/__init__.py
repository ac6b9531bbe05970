"""Readers of one vendor's devices each: `nvml`, `replay`."""
