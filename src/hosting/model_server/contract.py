"""Which TensorFlow Serving this model server answers as.

1.13 is the one in SageMaker's container of mid-2019. The last container has a later
release, which the supervisor asks for with HOSTING_CONTRACT=head: since 1.14 a number is
printed with enough digits to be read back, and the words of one error have changed.
"""

import os

LATER = os.environ.get('HOSTING_CONTRACT') == 'head'
