#!/usr/bin/env bash
# Carries large files to a machine without a network, in parts that several calls can bring.
#   parts.sh split FOLDER FILE...   FOLDER/NAME.part-000 and so on, each below 56 MiB, and FOLDER/SHA256SUMS of parts and files
#   parts.sh join STORE FOLDER...   keeps good parts of the folders in STORE, says which are still missing, and joins every file whose
#                                   parts are all there. It may be run after each call: what is there is kept.
#                                   Exit code 0 when all files are joined, 3 before
# Damaged parts are dropped and named, so that they are brought again.
set -euo pipefail

size=$((56 << 20))
die() {
  echo "parts: $*" >&2
  exit 1
}

split_files() {
  local folder=$1 file name
  shift
  mkdir -p "$folder"
  for file in "$@"; do
    name=$(basename "$file")
    rm -f "$folder/$name.part-"*
    split -b "${PART_BYTES:-$size}" -d -a 3 "$file" "$folder/$name.part-"
    sed "s|  .*|  $name|" <(sha256sum "$file")
  done >"$folder/.files"
  (cd "$folder" && sha256sum -- *.part-*) >"$folder/.parts"
  cat "$folder/.files" "$folder/.parts" >"$folder/SHA256SUMS"
  rm "$folder/.files" "$folder/.parts"
}

good() { [[ -f $2 && $(sha256sum "$2" | cut -d' ' -f1) == "$1" ]]; }

join_files() {
  local store=$1 folder digest name parts missing=0
  shift
  mkdir -p "$store"
  for folder in "$@"; do
    [[ ! -f $folder/SHA256SUMS || -f $store/SHA256SUMS ]] || cp "$folder/SHA256SUMS" "$store/SHA256SUMS"
    for name in "$folder"/*.part-*; do
      [[ -f $name && ! -f $store/$(basename "$name") ]] || continue
      cp "$name" "$store/.coming" && mv -f "$store/.coming" "$store/$(basename "$name")" || true
    done
  done
  [[ -f $store/SHA256SUMS ]] || die "no SHA256SUMS yet; bring it with the first parts"
  while read -r digest name; do # names of parts hold no spaces
    [[ $name == *.part-* ]] || continue
    [[ ! -f $store/${name%.part-*} || -f $store/$name ]] || continue # joined, its parts removed
    if [[ -f $store/$name ]] && ! good "$digest" "$store/$name"; then
      echo "damaged: $name"
      rm "$store/$name"
    fi
    [[ -f $store/$name ]] || { echo "missing: $name"; missing=1; }
  done <"$store/SHA256SUMS"
  while read -r digest name; do
    [[ $name != *.part-* ]] || continue
    [[ ! -f $store/$name ]] || continue
    mapfile -t parts < <(awk -v n="$name.part-" 'index($2, n) == 1 { print $2 }' "$store/SHA256SUMS" | sort)
    for part in "${parts[@]}"; do [[ -f $store/$part ]] || continue 2; done
    (cd "$store" && cat -- "${parts[@]}" >".joining")
    good "$digest" "$store/.joining" || die "$name: the joined file is not the one that was split"
    mv "$store/.joining" "$store/$name"
    (cd "$store" && rm -- "${parts[@]}")
    echo "joined: $name"
  done <"$store/SHA256SUMS"
  [[ $missing == 0 ]] || exit 3
}

case ${1:-} in
split) [[ $# -ge 3 ]] || die "split FOLDER FILE..."; shift; split_files "$@" ;;
join) [[ $# -ge 3 ]] || die "join STORE FOLDER..."; shift; join_files "$@" ;;
*) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
