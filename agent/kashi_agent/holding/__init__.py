"""What a host's own files say about who holds its devices; `holders` and `meterd` put it to use."""
