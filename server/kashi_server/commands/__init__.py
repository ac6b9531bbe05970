"""Commands of `kashi-server`, one room a file; `cli` registers them."""
