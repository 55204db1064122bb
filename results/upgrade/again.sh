#!/bin/bash
# Makes what lies here again: upgrade-check of v1, v2 and the example with CSV, after training and
# packing them. PACKAGES_FROM=<folder> takes v1.tar.gz and v2.tar.gz that are there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

check() { # name, variables of make: a report is wanted whatever it says
    rm -f build/reports/upgrade/report.*
    make upgrade-check "${@:2}" || true
    cp build/reports/upgrade/report.json "results/upgrade/$1.json"
    sed 's#](../../../docs/#](../../docs/#g' build/reports/upgrade/report.md > "results/upgrade/$1.md"
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
# v1 once more, with its package named for both Pythons instead of packed for one of them.
rm -rf build/both && mkdir build/both && tar -xzf build/v1.tar.gz -C build/both
rm -r build/both/code/lib && cp results/upgrade/requirements.txt build/both/code/
check both MODEL_DIR=build/both
rm -rf build/areas
.venvs/serve/bin/python examples/saved-model/make.py build/areas
make package MODEL=build/areas CODE=examples/saved-model/code
cp build/model.tar.gz build/areas.tar.gz
check areas PACKAGE=build/areas.tar.gz REQUESTS=results/upgrade/areas.jsonl
