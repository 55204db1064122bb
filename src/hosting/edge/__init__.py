"""The part that nginx and its JavaScript play in the container: the public port."""
