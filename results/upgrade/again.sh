#!/bin/bash
# Makes what lies here again: upgrade-check of v1, v2 and the example with CSV, after training and
# packing them. PACKAGES_FROM=<folder> takes v1.tar.gz and v2.tar.gz that are there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

check() { # name, variables of make: a report is wanted whatever it says
    rm -f build/reports/upgrade/report.*
    make upgrade-check "${@:2}" || true
    for kind in md json; do cp "build/reports/upgrade/report.$kind" "results/upgrade/$1.$kind"; done
}

for version in v1 v2; do
    package="build/$version.tar.gz"
    if [ -n "${PACKAGES_FROM:-}" ]; then
        cp "$PACKAGES_FROM/$version.tar.gz" "$package"
    else
        make local-train package VERSION="$version" REPRO=1
        cp build/model.tar.gz "$package"
    fi
    check "$version" PACKAGE="$package"
done
.venvs/serve/bin/python examples/saved-model/make.py build/areas
make package MODEL=build/areas CODE=examples/saved-model/code
cp build/model.tar.gz build/areas.tar.gz
check areas PACKAGE=build/areas.tar.gz REQUESTS=results/upgrade/areas.jsonl
