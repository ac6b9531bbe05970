"""Tables of the expense family: parties, contracts, assignments, prices, statements."""
