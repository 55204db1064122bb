"""A7: runs code/inference.py as the container's gunicorn and python_service.py do."""
