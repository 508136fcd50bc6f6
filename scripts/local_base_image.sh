#!/usr/bin/env bash
# Makes a base image under the name that the Dockerfile's FROM asks for, where no image registry can be reached:
# Debian bookworm by debootstrap, and the CPython 3.12 that lies in a prefix of its own.
#   usage (as root): PYTHON_PREFIX=/path/to/cpython-3.12 local_base_image.sh
set -euo pipefail
prefix=${PYTHON_PREFIX:?prefix of a relocatable CPython 3.12 (holds bin/python3.12 and lib/python3.12)}
base=docker.io/library/python:3.12-slim-bookworm
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=${STORAGE_DRIVER:-overlay}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/rootfs
packages=ca-certificates,netbase,tzdata,libssl3,libffi8,libsqlite3-0,libbz2-1.0,liblzma5,libreadline8,libncursesw6,libexpat1,libuuid1,zlib1g,libtirpc3

debootstrap --variant=minbase --include="$packages" bookworm "$root" ${DEBIAN_MIRROR:-} >"$work/debootstrap.log" 2>&1 \
  || { tail -5 "$work/debootstrap.log" >&2; exit 1; }
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale}/* "$root"/var/log/*.log

mkdir -p "$root/usr/local/bin" "$root/usr/local/lib"
cp -a "$prefix/lib/python3.12" "$root/usr/local/lib/"
cp -a "$prefix"/lib/libpython3.12.so.1.0 "$root/usr/local/lib/" 2>/dev/null || true
cp -a "$prefix/bin/python3.12" "$root/usr/local/bin/"
rm -rf "$root"/usr/local/lib/python3.12/{site-packages/*,test,config-*,idlelib,turtledemo}
find "$root/usr/local/lib/python3.12" -name __pycache__ -type d -prune -exec rm -rf {} +
ln -sf python3.12 "$root/usr/local/bin/python3"
ln -sf python3.12 "$root/usr/local/bin/python"
chroot "$root" ldconfig
chroot "$root" /usr/local/bin/python -m ensurepip >/dev/null 2>&1
ln -sf pip3 "$root/usr/local/bin/pip"
chroot "$root" /usr/local/bin/python -c 'import ssl, sqlite3, ctypes, lzma, bz2, zlib'

container=$(buildah from scratch)
buildah add -q "$container" "$root" / >/dev/null
buildah config --env PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin --env LANG=C.UTF-8 --cmd python3 "$container"
buildah commit -q --format docker --rm "$container" "$base" >/dev/null
echo "made $base"
