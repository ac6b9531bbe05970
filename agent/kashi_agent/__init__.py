"""Kashi's agent: measures accelerators on one host and reports them, signed and chained."""

VERSION = "0.1.0"
