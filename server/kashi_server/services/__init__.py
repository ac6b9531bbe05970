"""What the server does: use cases, one family a file, over ports that storage fills."""
