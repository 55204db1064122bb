"""The part of ``tensorflow_model_server`` in the container (docs/contract.md#a2).

``python -m hosting.model_server`` takes that program's flags and answers on
the same REST and gRPC ports, so that the supervisor can start either one.
"""
