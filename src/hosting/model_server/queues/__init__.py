"""Where requests wait for the session, and which of them share a run."""
