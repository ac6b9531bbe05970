"""Evaluation: what a programme pays on one claim, step by step, each with its reason."""
