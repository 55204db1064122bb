"""The `vectors` channel: tokenizer.model and vectors.model*, as text-vectorian opens them."""
