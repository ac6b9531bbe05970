"""What leaves the house: certificate PDF, signatures, exports."""
