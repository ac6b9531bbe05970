"""Tables of the certificates family: issued usage certificates and their status."""
