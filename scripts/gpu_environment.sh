#!/usr/bin/env bash
# torch's CPU build in an environment of its own, on top of the packages of another: .venv stays without it, and nothing is
# there twice (0.8 GB of disk). The build is asked of pip's own places first (PIP_FIND_LINKS, PIP_EXTRA_INDEX_URL), then of
# PyTorch's index. PyPI's for Linux is the one for CUDA cards, 6 GB with what it brings: only TORCH=torch==2.13.0 takes it.
# Ends with 3 where there is no such build to be had.
#   usage: gpu_environment.sh PYTHON-WITH-PIP VENV BASE-VENV
set -euo pipefail
pip=$1 venv=$2 base=$3
torch=${TORCH:-torch==2.13.0$(test "$(uname -s)" = Linux && echo +cpu || true)}
index=https://download.pytorch.org/whl/cpu

rm -rf "$venv"
"$base/bin/python" -m venv --without-pip "$venv"
site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
below=$("$base/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "import site; site.addsitedir('$below')" >"$site/_below.pth"
if [ -d "$base/share" ]; then ln -s "$(cd "$base/share" && pwd)" "$venv/share"; fi  # face models lie beside the packages

install() { "$pip" -m pip --python "$venv/bin/python" install -q --prefer-binary --retries 1 --timeout 30 "$torch" "$@"; }
if ! install 2>"$venv/pip.log" && ! install --index-url "$index" --extra-index-url https://pypi.org/simple 2>>"$venv/pip.log"; then
  grep -v '^WARNING' "$venv/pip.log" | tail -3 >&2
  echo "no $torch to be had: PIP_FIND_LINKS or PIP_EXTRA_INDEX_URL may name where it lies, or TORCH=torch another build" >&2
  exit 3
fi
