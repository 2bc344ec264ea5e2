"""The networks as in JCS section IV, and the weights that they start from."""
