"""Messages and services of the wire contract, generated from the `.proto` files beside this."""
