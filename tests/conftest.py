"""For all tests, in either Python: the user's own settings do not reach them."""
import os
import signal

PREFIXES = ('AWS_', 'SM_', 'SAGEMAKER_', 'TF_', 'HOSTING_', 'GUNICORN_')

# With BASE_URL, HOSTING_CONTRACT says which contract the endpoint there follows.
KEPT = {'HOSTING_CONTRACT'} if os.environ.get('BASE_URL') else set()

for name in [name for name in os.environ if name.startswith(PREFIXES) and name not in KEPT]:
    del os.environ[name]

# A shell ignores SIGINT in what it starts in the background, and so would what the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
