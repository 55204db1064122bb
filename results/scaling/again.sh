#!/bin/bash
# Makes what lies here again: build/model.tar.gz behind an endpoint of the emulator, whose load
# triples and falls again. Minutes of AWS last three seconds. It takes about six minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
trap 'make emulator-stop' EXIT
make emulator DETACH=1 FRESH=1 LIMITS=minute:3
make cloud-deploy CLOUD=emulator YES=1 ENDPOINT_INSTANCE_TYPE=ml.m5.large
make cloud-scale MIN=1 MAX=3 TARGET=12 CLOUD=emulator YES=1
make cloud-load CLIENTS=4,12,4 SECONDS=270 PAUSE=1 CLOUD=emulator YES=1
cp build/cloud/load.json results/scaling/
# Drawn once more where there is a font for Japanese.
PYTHONPATH=src .venvs/host/bin/python -m train2deploy.cloud.load_plot results/scaling/load.json
