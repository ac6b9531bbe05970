"""The portal's addresses, one family a file."""
