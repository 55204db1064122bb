"""What cloud.toml says, and what follows from it without a call to AWS: names, ARNs, prices."""
