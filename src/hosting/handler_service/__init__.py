"""Runs code/inference.py as the container's gunicorn and python_service.py do.

docs/contract.md#a7
"""
