"""Data sets: `sample` (shipped), `knbc` (the article's), or a directory of the user's.

Each gives rows; `split` divides them; `channels` writes build/data.
"""
