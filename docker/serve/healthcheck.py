"""HEALTHCHECK: the endpoint answers, and so does the model server behind it.

/ping alone does not tell: with inference.py it is 200 before the model is loaded.
"""
import json
import os
import sys
import urllib.error
import urllib.request

from hosting.bundles import find_models

URL = 'http://127.0.0.1:%s' % os.environ.get('SAGEMAKER_BIND_TO_PORT', '8080')


def get(path):
    with urllib.request.urlopen(URL + path, timeout=4) as response:
        return response.read().decode('utf-8')


def main():
    get('/ping')
    models = find_models('/opt/ml/model') if os.path.isdir('/opt/ml/model') else []
    for model in models:
        versions = json.loads(get('/tfs/v1/models/' + model.name))['model_version_status']
        if not any(version['state'] == 'AVAILABLE' for version in versions):
            return 'model %s is not available yet' % model.name
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except (OSError, ValueError, KeyError) as error:
        sys.exit('%s: %s' % (URL, error))
