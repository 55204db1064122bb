"""JSON as TF Serving and RapidJSON read and print it: bodies to tensors and back."""
