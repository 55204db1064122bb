"""The host tool behind the make targets: data, vectors, jobs, package, endpoint, reports.

Runs on Python 3.10 and newer. It starts the TensorFlow 1.x side (src/train,
src/hosting) as separate processes in their own environments and imports nothing
of it, except src/encoding.py's contract by way of files.
"""

__version__ = "0.1.0"
