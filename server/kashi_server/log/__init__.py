"""The append-only log: sequencer and checkpoints."""
