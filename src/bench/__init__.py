"""The bench's processes in the serving environment; train2deploy.bench starts and asks them."""
