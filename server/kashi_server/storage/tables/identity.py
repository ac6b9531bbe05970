"""Tables of the identity family: hosts, their keys and certificates, enrolment tokens."""
