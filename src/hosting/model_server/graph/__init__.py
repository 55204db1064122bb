"""A SavedModel in TensorFlow's library: its session, its signatures, and what its graph is like."""
