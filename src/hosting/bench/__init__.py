"""The bench's processes in the serving environment: what the endpoint is compared with."""
