#!/usr/bin/env bash
# Builds the container image with docker, or with buildah where there is no docker engine.   usage: build_image.sh [TAG]
# PIP_CERT_FILE=/path/ca.crt: a certificate file for networks that re-sign TLS (mounted for the build only).
set -euo pipefail
cd "$(dirname "$0")/.."
tag=${1:-sam-mask-api:local}
if docker info >/dev/null 2>&1; then
  exec docker build -t "$tag" .
fi
command -v buildah >/dev/null || { echo "Neither a docker engine nor buildah found (Debian: apt install buildah)." >&2; exit 2; }
# --format docker: images in the OCI format drop HEALTHCHECK. chroot isolation needs neither runc nor user namespaces.
args=(--format docker --isolation chroot --network host --layers=false -t "$tag")
if [ -n "${PIP_CERT_FILE:-}" ]; then
  args+=(-v "$PIP_CERT_FILE:/run/build-ca.crt:ro" --build-arg PIP_CERT=/run/build-ca.crt)
fi
exec buildah bud "${args[@]}" ${BUILDAH_ARGS:-} .
