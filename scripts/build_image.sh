#!/usr/bin/env bash
# Builds the container image with docker, or with buildah where there is no docker engine.   usage: build_image.sh [TAG]
# PLATFORMS=linux/amd64,linux/arm64: for each of them, by docker buildx with an SBOM and pushed as TAG (a registry's name),
#   or as the manifest TAG of buildah's. What is not this machine's processor wants QEMU's binfmt handlers.
# PIP_CERT_FILE=/path/ca.crt: a certificate file for networks that re-sign TLS (mounted for the build only, by buildah).
set -euo pipefail
cd "$(dirname "$0")/.."
tag=${1:-sam-mask-api:local}
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' src/sam_mask_service/__init__.py)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
given=(--build-arg "VERSION=$version" --build-arg "REVISION=$revision")
if docker info >/dev/null 2>&1; then
  [ -n "${PLATFORMS:-}" ] || exec docker build "${given[@]}" -t "$tag" .
  exec docker buildx build --platform "$PLATFORMS" --sbom=true --provenance=true "${given[@]}" -t "$tag" --push .
fi
command -v buildah >/dev/null || { echo "Neither a docker engine nor buildah found (Debian: apt install buildah)." >&2; exit 2; }
if [ -n "${PLATFORMS:-}" ]; then given+=(--platform "$PLATFORMS" --manifest "$tag"); else given+=(-t "$tag"); fi
# --format docker: images in the OCI format drop HEALTHCHECK. chroot isolation needs neither runc nor user namespaces.
args=(--format docker --isolation chroot --network host --layers=false "${given[@]}")
if [ -n "${PIP_CERT_FILE:-}" ]; then
  args+=(-v "$PIP_CERT_FILE:/run/build-ca.crt:ro" --build-arg PIP_CERT=/run/build-ca.crt)
fi
exec buildah bud "${args[@]}" ${BUILDAH_ARGS:-} .
