"""Tables of the accounts family: portal accounts, sessions and their audit trail."""
