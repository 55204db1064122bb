"""`make bench` and `make soak`: how fast the endpoint is, and whether it stays right."""
