"""Errors of the contract: one tree.

ContractError
├── SignatureError   a signature does not verify, or its algorithm is unknown
├── FormError        bytes are not the message they claim to be, or break a limit
└── ProofError       a Merkle proof does not lead to the root
"""


class ContractError(Exception):
    """What was received breaks the contract."""


class SignatureError(ContractError):
    """The signature does not verify."""


class FormError(ContractError):
    """The message breaks the contract's form."""


class ProofError(ContractError):
    """The proof does not lead to the root."""
