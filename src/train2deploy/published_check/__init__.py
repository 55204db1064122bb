"""`make published-check`: what the articles state and can be recomputed today, to the digit.

The corpus, the author's tokenizer, parameter counts, and the arithmetic of the printed figures:
each statement is a line, and a line holds, does not hold, or cannot be checked any more. Each
section is a module; `run` puts them together.
"""
