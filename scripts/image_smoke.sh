#!/usr/bin/env bash
# Runs the built image the way docker-compose.yaml does (uid 10001, read-only root, no capabilities, no new privileges) and
# asks it for a mask.   usage: image_smoke.sh [TAG]     with docker, or as root with buildah
set -euo pipefail
cd "$(dirname "$0")/.."
tag=${1:-sam-mask-api:local}
port=${PORT:-18739}
limit_mb=800
work=$(mktemp -d)
url=http://127.0.0.1:$port
serve=(gunicorn --bind "0.0.0.0:$port" --workers 1 --timeout 120 sam_mask_service:app)
portrait='import sys; from sam_mask_service.cli.portrait import drawn_portrait as d; from sam_mask_service.image import encode as e; sys.stdout.buffer.write(e(d()[0]))'
stop=:
trap 'eval "$stop"; rm -rf "$work"' EXIT

say() { printf '%s\n' "smoke: $*"; }
die() { printf '%s\n' "smoke: $*" >&2; [ ! -s "$work/run.log" ] || tail -20 "$work/run.log" >&2; exit 1; }

# Is the service up, does it mask, is it nobody special, is its disk read-only? $1: a command prefix that runs inside.
check() {
  for _ in $(seq 300); do curl -fsS "$url/ready" >/dev/null 2>&1 && break; sleep .2; done
  curl -fsS "$url/health" >"$work/health.json" || die "no answer from $url/health"
  grep -q '"model":"mobile_sam"' "$work/health.json" || die "MobileSAM does not draw: $(cut -c1-300 "$work/health.json")"
  curl -fsS -F "image=@$work/portrait.png" -F expand_pixels=0 "$url/create_mask" >"$work/answer.json" || die "no mask"
  grep -q '"faces_detected":1' "$work/answer.json" || die "no face found: $(cut -c1-300 "$work/answer.json")"
  "$@" python -c 'import sys, urllib.request as u; sys.exit(u.urlopen("'"$url"'/health", timeout=4).status != 200)' || die "healthcheck fails"
  say "masked a portrait, healthcheck passes"
}

# All that a mask takes is in the image. $@: a command prefix that runs inside, with no network.
alone() {
  "$@" sam-mask mask - --format json <"$work/portrait.png" >"$work/alone.json" || die "no mask without a network"
  grep -Eq '"engine": ?"sam"' "$work/alone.json" || die "not drawn by SAM: $(cut -c1-300 "$work/alone.json")"
  say "masked a portrait by SAM without a network"
}

size_of() { # folder; in 10⁶ bytes
  local mb; mb=$(du -s --block-size=1000000 --one-file-system "$1" | cut -f1)
  say "$mb MB unpacked (limit $limit_mb)"
  [ "$mb" -le "$limit_mb" ] || die "too large"
}

no_tools() { # folder
  local found; found=$(cd "$1" && find usr/bin usr/local/bin opt/venv/bin \( -name 'gcc*' -o -name cc -o -name 'g++*' -o -name make -o -name git -o -name uv \) -print)
  [ -z "$found" ] || die "build tools in the image: $found"
  [ ! -e "$1/opt/venv/bin/pip" ] || die "pip in the service's environment"
}

with_docker() {
  docker run --rm "$tag" python -c "$portrait" >"$work/portrait.png"
  alone docker run --rm -i --network none "$tag"
  local id; id=$(docker run -d --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges:true \
    -v /app/models -v /app/output -p "127.0.0.1:$port:$port" "$tag" "${serve[@]}")
  stop="docker rm -f $id >/dev/null"
  check docker exec "$id"
  [ "$(docker exec "$id" id -u)" = 10001 ] || die "does not run as uid 10001"
  ! docker exec "$id" touch /app/x 2>/dev/null || die "the root is writable"
  docker exec "$id" sam-mask doctor || die "the doctor is not content"
  docker stop -t 30 "$id" >/dev/null
  say "$(($(docker image inspect -f '{{.Size}}' "$tag") / 1000000)) MB (limit $limit_mb)"
}

# buildah's chroot isolation has no pid namespace: the whole process group is signalled, or gunicorn's worker would stay.
with_buildah() {
  export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=${STORAGE_DRIVER:-overlay}
  local c m pid; c=$(buildah from --pull-never "$tag")
  stop="buildah rm $c >/dev/null"
  m=$(buildah mount "$c")
  size_of "$m"; no_tools "$m"
  buildah inspect --type image --format 'user {{.Docker.Config.User}}, command {{.Docker.Config.Cmd}}, health {{.Docker.Config.Healthcheck.Test}}' "$tag"
  buildah run "$c" -- python -c "$portrait" >"$work/portrait.png"
  [ "$(buildah run "$c" -- id -u)" = 10001 ] || die "does not run as uid 10001"
  alone unshare -n buildah run "$c" --

  setsid buildah run --network host "$c" -- "${serve[@]}" >"$work/run.log" 2>&1 &
  pid=$!; stop="kill -TERM -- -$pid 2>/dev/null; sleep 1; buildah rm $c >/dev/null"
  check buildah run --network host "$c" --
  end_group "$pid"

  say "again with a read-only root and no capabilities"
  cat >"$work/inside.sh" <<'INSIDE'
set -eu
root=$1; shift
mount --make-rprivate /; mount --bind "$root" "$root"; mount -o remount,bind,ro "$root"
mount -t tmpfs tmpfs "$root/tmp"; mount -t tmpfs tmpfs "$root/app/models"; mount -t tmpfs tmpfs "$root/app/output"
chown 10001 "$root/app/models" "$root/app/output"; chmod 1777 "$root/tmp"
mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"; mount -t tmpfs tmpfs "$root/dev/shm"
run() { chroot "$root" setpriv --reuid=10001 --regid=10001 --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all \
  /usr/bin/env -i PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin HOME=/tmp PYTHONUNBUFFERED=1 sh -c 'cd /app && exec "$@"' sh "$@"; }
run touch /app/x 2>/dev/null && { echo "the root is writable" >&2; exit 1; }
run sam-mask doctor
run "$@"
INSIDE
  setsid unshare -m bash "$work/inside.sh" "$m" "${serve[@]}" >"$work/run.log" 2>&1 &
  pid=$!; stop="kill -TERM -- -$pid 2>/dev/null; sleep 1; buildah rm $c >/dev/null"
  check buildah run --network host "$c" --
  grep -E '^(OK|NOTE|WARN|FAIL)' "$work/run.log" || true
  end_group "$pid"
}

end_group() { # pid
  kill -TERM -- "-$1"
  wait "$1" 2>/dev/null || true
  for _ in $(seq 50); do curl -fsS -m 1 "$url/health" >/dev/null 2>&1 || { say "stopped on SIGTERM"; return; }; sleep .2; done
  die "still answers after SIGTERM"
}

if docker info >/dev/null 2>&1; then with_docker; elif command -v buildah >/dev/null; then with_buildah; else die "neither docker nor buildah"; fi
say "passed"
