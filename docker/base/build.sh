#!/usr/bin/env bash
# The offline stand-in for python:3.6-slim, for where no image can be pulled: this machine's
# Debian release, from the sources that apt is configured with here, and this machine's
# CPython 3.6 in /usr/local.
#
#   docker/base/build.sh <python3.6> <image> [<what it is made from, for a label>]
#
# Needs root, apt and mmdebstrap. Certificate authorities that were added to this machine
# (/usr/local/share/ca-certificates) are added to the image, so that pip and apt work in
# containers wherever they work here.
set -euo pipefail

python=$1
image=$2
inputs=${3:-}

fail() {
    echo "docker/base/build.sh: $*" >&2
    exit 3
}

[ "$(id -u)" = 0 ] || fail "expected to be run by root (mmdebstrap, chroot), found user $(id -un)."
command -v apt-get >/dev/null || fail "expected a Debian system with apt, found no apt-get."
command -v mmdebstrap >/dev/null || fail "expected mmdebstrap, found none: apt-get install mmdebstrap"
prefix=$("$python" -c 'import sys; print(sys.base_prefix)')
[ "$prefix" != /usr ] || fail "$python: expected a Python with a prefix of its own, found /usr."
release=$(. /etc/os-release && echo "$VERSION_CODENAME")

scratch=$(mktemp --directory)
trap 'rm -rf "$scratch"' EXIT

# This machine's sources: archive, suite, component.
apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    grep " $release" | sort -u >"$scratch/sources.list" ||
    fail "expected apt sources for $release, found none; run apt-get update."
apt-config dump | grep -E '^Acquire::Check-(Valid-Until|Date) ' >"$scratch/apt.conf" || true

# The packages whose libraries this Python's modules are linked to (but for tkinter's).
libraries() {
    find "$prefix/lib/python3.6/lib-dynload" -name '*.so' ! -name '_tkinter*' -exec ldd {} + |
        awk -v prefix="$prefix" '$3 ~ /^\// && index($3, prefix) != 1 {print $3}' | sort -u |
        while read -r path; do
            dpkg-query --search "$path" 2>/dev/null || dpkg-query --search "/usr$path" || true
        done | cut -d: -f1 | sort -u | paste --serial --delimiters=,
}

# Python without its tests and desktop parts, and freed of the prefix it was made for.
mkdir "$scratch/local"
tar -C "$prefix" -c --exclude=__pycache__ --exclude=./share --exclude=./lib/python3.6/site-packages \
    --exclude=./lib/python3.6/test --exclude='./lib/python3.6/*/tests' \
    --exclude='./lib/python3.6/config-*' --exclude=./lib/python3.6/idlelib \
    --exclude=./lib/python3.6/tkinter --exclude='_tkinter*' . |
    tar -C "$scratch/local" -x --no-same-owner
mkdir "$scratch/local/lib/python3.6/site-packages"
grep -rlI "$prefix" "$scratch/local" | xargs --no-run-if-empty sed -i "s|$prefix|/usr/local|g"
ln -sf python3.6 "$scratch/local/bin/python"
ln -sf python3.6 "$scratch/local/bin/python3"
find "$scratch/local" -name '*.so*' -type f -exec strip --strip-unneeded {} + 2>/dev/null || true

cat >"$scratch/customize" <<'HOOK'
#!/bin/sh
set -eu
cp -a "$SCRATCH/local/." "$1/usr/local/"
find /usr/local/share/ca-certificates -name '*.crt' \
    -exec cp -t "$1/usr/local/share/ca-certificates" {} + 2>/dev/null || true
printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >"$1/etc/pip.conf"
chroot "$1" sh -euc '
    ldconfig
    update-ca-certificates >/dev/null 2>&1
    python3.6 -m ensurepip >/dev/null
    python3.6 -m compileall -q -x "lib2to3/tests" /usr/local/lib/python3.6
    python3.6 -c "import bz2, ctypes, hashlib, lzma, sqlite3, ssl, venv, zlib"'
rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/* "$1"/var/log/* "$1"/tmp/*
HOOK
chmod +x "$scratch/customize"

# Without the skip, mmdebstrap's cleaning empties this machine's own package lists.
SCRATCH=$scratch mmdebstrap --quiet --mode=root --variant=apt --skip=cleanup/apt/lists \
    --include="ca-certificates,usr-is-merged,$(libraries)" \
    --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --aptopt="$scratch/apt.conf" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --customize-hook="$scratch/customize" "$release" - "$scratch/sources.list" \
    2>"$scratch/log" >"$scratch/base.tar" || { cat "$scratch/log" >&2; fail "mmdebstrap failed."; }
docker import --change 'ENV LANG=C.UTF-8' --change 'CMD ["python3"]' \
    --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' \
    --change "LABEL train2deploy=base train2deploy.inputs=$inputs" "$scratch/base.tar" "$image" >/dev/null
