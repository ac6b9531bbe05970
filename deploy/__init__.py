"""What surrounds the four distributions: the demo, code generation, service units."""
