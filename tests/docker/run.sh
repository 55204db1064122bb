#!/usr/bin/env bash
# Runs a command with a Docker engine: the one that answers or, where none does and this is
# root on Debian, one that is installed and started for as long as the command runs.
#
#   tests/docker/run.sh <command> [<argument>…]
set -euo pipefail

answers() { timeout 20 docker info >/dev/null 2>&1; }
may_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# For the offline base image, for the engine, and for the SDK's local mode.
packages=()
command -v mmdebstrap >/dev/null || packages+=(mmdebstrap)
answers || command -v dockerd >/dev/null || packages+=(docker.io iptables)
docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null ||
    packages+=(docker-compose)
if may_install && [ ${#packages[@]} -gt 0 ]; then
    echo "test-docker: installing ${packages[*]}"
    apt-get update --quiet=2
    DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends \
        "${packages[@]}" >/dev/null
elif may_install && [ -z "$(apt-get indextargets 'Created-By: Packages')" ]; then
    apt-get update --quiet=2
fi

if answers; then
    exec "$@"
fi
if ! may_install; then
    echo "test-docker: expected a Docker engine that answers, found none. Start one (Docker" \
        "Desktop, or systemctl start docker), or run this as root on Debian, where it is" \
        "installed and started." >&2
    exit 3
fi

log=$(mktemp)
echo "test-docker: starting dockerd for these tests"
setsid dockerd >"$log" 2>&1 </dev/null &
engine=$!
end() {
    kill "$engine" 2>/dev/null || true
    wait "$engine" 2>/dev/null || true
    rm -f "$log"
}
trap end EXIT
for _ in $(seq 120); do
    answers && break
    if ! kill -0 "$engine" 2>/dev/null; then
        tail -n 20 "$log" >&2
        echo "test-docker: dockerd ended while it started; its last lines are above." >&2
        exit 3
    fi
    sleep 0.5
done
answers || { tail -n 20 "$log" >&2; echo "test-docker: dockerd did not answer in 60 s." >&2; exit 3; }
"$@"
