"""For all tests, in either Python: the user's own settings do not reach them."""
import os

PREFIXES = ('AWS_', 'SM_', 'SAGEMAKER_', 'TF_', 'HOSTING_', 'GUNICORN_')

for name in [name for name in os.environ if name.startswith(PREFIXES)]:
    del os.environ[name]
