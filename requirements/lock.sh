#!/usr/bin/env bash
# Resolves every list of requirements again: lock.sh <Python of the host tool> <Python that can still
# build the sdists of 2019 for their metadata>
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1 sdists=$2

compile() { # <list without .in> <option>…: writes <list>.lock
  "$python" -m uv pip compile --quiet --upgrade --no-header --generate-hashes "${@:2}" \
    "requirements/$1.in" -o "requirements/$1.lock"
}
today() { # the containers' Python
  compile "$1-today" --universal --python-version 3.12 "${@:2}"
}
of_its_day() { # as of the article's day; what cannot be built or has no wheel is younger
  compile "$1" --python-version 3.6 --python "$sdists" --exclude-newer 2019-08-15 \
    --exclude-newer-package setuptools=2020-06-01 --exclude-newer-package wheel=2020-06-01 \
    --exclude-newer-package httptools=2021-06-01 "${@:2}"
}
peer() { # as of its release
  compile "peers/$1" --python-version 3.6.8 --python "$sdists" "${@:2}"
}

compile host --universal --python-version 3.10
compile dev --universal --python-version 3.10 -c requirements/host.lock
compile sdk --universal --python-version 3.10
compile sdk3 --universal --python-version 3.10
compile cloud --universal --python-version 3.10 -c requirements/sdk.lock
compile notebook --universal --python-version 3.10 -c requirements/cloud.lock
compile words --universal --python-version 3.10
for wheel in chive wikipedia encoder; do compile "$wheel" --no-deps; done
for side in train serve; do today "$side"; done
# As the container: without the TensorFlow that the API asks for, and with another NumPy than pandas.
today handler --override <(printf '%s\n' 'tensorflow; python_version < "3"' numpy==1.26.4)
for side in train serve handler; do of_its_day "$side"; done
of_its_day handler-head --no-deps
compile test-py36 --python-version 3.6 --python "$sdists"
peer mlflow --exclude-newer 2021-03-10
peer bentoml --exclude-newer 2021-08-15 --exclude-newer-package bentoml=2022-08-01
peer simple-tensorflow-serving --exclude-newer 2020-11-20
peer onnxruntime --exclude-newer 2021-12-20

todays=src/predict/today/requirements
"$python" -m uv pip compile --quiet --upgrade --no-header --generate-hashes --no-annotate --universal \
  --python-version 3.12 $todays.in -o $todays.txt
"$python" -m uv pip compile --quiet --upgrade --no-header --generate-hashes --no-annotate \
  --python-version 3.6 --python "$sdists" src/predict/code/requirements.in \
  -o src/predict/code/requirements.txt
