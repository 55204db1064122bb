"""The graph of a SavedModel as a file, looked into without parsing it."""

import mmap
import os

NAME = 'saved_model.pb'


def holds(path, *operations):
    """Whether the graph of the SavedModel in `path` has all of these operations (bytes)."""
    try:
        with open(os.path.join(path, NAME), 'rb') as file, \
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as graph:
            return all(graph.find(operation) >= 0 for operation in operations)
    except (OSError, ValueError):
        return False  # no such file, or an empty one: loading it tells what is wrong
