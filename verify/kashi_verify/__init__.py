"""Checks a usage certificate offline, in numbered steps, without the code that signed it."""
