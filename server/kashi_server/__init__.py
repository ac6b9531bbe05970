"""Kashi's server: card-hours in, voucher-eligible expense and signed usage certificates out."""

from typing import Final

VERSION: Final = "0.1.0"
