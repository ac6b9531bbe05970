"""What the server knows: values and rules, pure, standard library only."""
