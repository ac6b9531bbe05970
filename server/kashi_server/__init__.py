"""Kashi's server: card-hours in, voucher-eligible expense and signed usage certificates out."""
