"""The part of ``tensorflow_model_server`` in the container (docs/contract.md#a2).

``python -m hosting.model_server`` takes that program's flags and answers on
the same REST and gRPC ports, so that the supervisor can start either one.
"""

import os

# Which TensorFlow Serving this answers as: 1.13 is the one in SageMaker's container of mid-2019.
# The final container has a later release: since 1.14 a number is printed with enough digits to be
# read back, and the words of one error have changed. Today's 2.20 ignores what follows a body's
# first JSON value, too.
TODAY = os.environ.get("HOSTING_CONTRACT") == "today"
LATER = TODAY or os.environ.get("HOSTING_CONTRACT") == "head"
