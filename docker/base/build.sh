#!/usr/bin/env bash
# The offline stand-in for python:3.6-slim, where no image can be pulled: this machine's
# Debian release, from the sources that apt is configured with here, and this machine's
# CPython 3.6 in /usr/local.
#
#   docker/base/build.sh <python3.6> <image>
#
# Needs root, apt and mmdebstrap. Certificate authorities that were added to this machine
# (/usr/local/share/ca-certificates) are added to the image, so that pip and apt work in
# containers wherever they work here.
set -euo pipefail

python=$1
image=$2

fail() {
    echo "docker/base/build.sh: $*" >&2
    exit 3
}

[ "$(id -u)" = 0 ] || fail "expected to be run by root (mmdebstrap and chroot), found user $(id -un)."
command -v apt-get >/dev/null || fail "expected Debian's apt, found none; pull python:3.6-slim instead."
command -v mmdebstrap >/dev/null || fail "expected mmdebstrap, found none: apt-get install mmdebstrap"

scratch=$(mktemp --directory)
trap 'rm -rf "$scratch"' EXIT

prefix=$("$python" -c 'import sys; print(sys.base_prefix)')
[ -e "$prefix/lib/libpython3.6m.so.1.0" ] || [ -x "$prefix/bin/python3.6" ] ||
    fail "$python: expected a CPython 3.6 with a prefix of its own, found $prefix."
release=$(. /etc/os-release && echo "$VERSION_CODENAME")

# The sources of this machine: archive address, suite, component.
apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    grep "$release" | sort -u >"$scratch/sources.list" ||
    fail "expected apt sources for $release, found none; run apt-get update."
apt-config dump | grep -E '^Acquire::Check-(Valid-Until|Date) ' >"$scratch/apt.conf" || true

# The packages that this Python's modules are linked to (tkinter is left out).
libraries() {
    find "$prefix/lib/python3.6/lib-dynload" -name '*.so' ! -name '_tkinter*' -exec ldd {} + |
        awk '$3 ~ /^\// && index($3, "'"$prefix"'") == 0 {print $3}' | sort -u |
        while read -r path; do
            dpkg-query --search "$path" 2>/dev/null || dpkg-query --search "/usr$path" || true
        done | cut -d: -f1 | sort -u | paste --serial --delimiters=,
}

cat >"$scratch/customize" <<'HOOK'
#!/bin/sh
set -eu
root=$1
mkdir -p "$root/usr/local"
tar -C "$PREFIX" --exclude=./lib/python3.6/test --exclude='./lib/python3.6/config-*' \
    --exclude=./lib/python3.6/idlelib --exclude=./lib/python3.6/tkinter \
    --exclude='*/lib-dynload/_tkinter*' --exclude=./lib/python3.6/site-packages \
    --exclude=__pycache__ --exclude=./share -c . | tar -C "$root/usr/local" --no-same-owner -x
mkdir "$root/usr/local/lib/python3.6/site-packages"
# The interpreter was configured for another prefix.
grep --recursive --files-with-matches --binary-files=without-match "$PREFIX" "$root/usr/local" |
    xargs --no-run-if-empty sed -i "s|$PREFIX|/usr/local|g"
ln -sf python3.6 "$root/usr/local/bin/python"
ln -sf python3.6 "$root/usr/local/bin/python3"
if ls /usr/local/share/ca-certificates/*.crt >/dev/null 2>&1; then
    cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/"
fi
chroot "$root" sh -euc '
    ldconfig
    update-ca-certificates >/dev/null 2>&1
    python3.6 -m ensurepip >/dev/null
    python3.6 -m compileall -q /usr/local/lib/python3.6 || true
    python3.6 -c "import bz2, ctypes, curses, dbm.ndbm, lzma, readline, sqlite3, ssl, uuid, zlib" ||
        python3.6 -c "import bz2, ctypes, lzma, sqlite3, ssl, zlib"'
cat >"$root/etc/pip.conf" <<'PIP'
[global]
cert = /etc/ssl/certs/ca-certificates.crt
disable-pip-version-check = true
PIP
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/* "$root"/var/log/* "$root"/tmp/*
HOOK
chmod +x "$scratch/customize"
export PREFIX=$prefix

mmdebstrap --quiet --mode=root --variant=apt --include="ca-certificates,$(libraries)" \
    --aptopt="$scratch/apt.conf" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --customize-hook="$scratch/customize" "$release" - "$scratch/sources.list" |
    docker import --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' \
        --change 'ENV LANG=C.UTF-8' --change 'CMD ["python3"]' \
        --change 'LABEL train2deploy=base' - "$image" >/dev/null
