#!/usr/bin/env bash
# Has the program of a commit make a ledger of small phantom studies, and packs it:
#   testdata/ledgers/make.sh c1c686b
# It holds a study that is positive and sent to one destination and failed for good at another, one that is negative, one that could not
# be read, one with a revision that replaces another, and one that is still coming; each with notifications that nobody took.
set -euo pipefail
commit=${1:?commit}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
running=()
finish() {
  for pid in "${running[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" || true; done
  git -C "$root" worktree remove --force "$work/source" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

git -C "$root" worktree add --quiet --detach "$work/source" "$commit"
jcsnode=$work/jcsnode
(cd "$work/source" && go build -buildvcs=false -ldflags "-X main.version=$commit" -o "$jcsnode" ./cmd/jcsnode)

networks=$work/networks
mkdir "$networks"
for one in "classifier classifier.onnx 0.1" "segmenter glass.onnx 0.5"; do
  read -r role file point <<<"$one"
  cp "$work/source/models/testdata/$file" "$networks/"
  cat >>"$networks/manifest.toml" <<TOML
[$role]
file = "$file"
sha256 = "$(sha256sum "$networks/$file" | cut -d' ' -f1)"
name = "test $role"
version = "1"
status = "untrained"
precision = "fp32"
window = [-1000.0, 1000.0]
size = 4
operating_point = $point
licence = "none needed"
TOML
done
printf '%032d' 0 >"$work/ris.secret"

# serve QUIET THRESHOLD: the node with a configuration.
serve() {
  cat >"$work/config.toml" <<TOML
[node]
listen = "127.0.0.1:21112"
data_dir = "data"
reserve = "100MB"
[models]
dir = "$networks"
device = "cpu"
[settle]
quiet = "$1"
[cascade]
threshold = $2
threshold_mm = 0.0
[[destination]]
name = "pacs"
ae_title = "ARCHIVE"
address = "127.0.0.1:21113"
objects = ["summary", "segmentation", "report"]
[[destination]]
name = "museum"
ae_title = "MUSEUM"
address = "127.0.0.1:9"
objects = ["summary"]
retry_first = "1s"
retry_give_up = "1s"
[[webhook]]
name = "ris"
url = "http://127.0.0.1:9/"
secret_file = "ris.secret"
TOML
  "$jcsnode" serve --config "$work/config.toml" >>"$work/node.log" 2>&1 &
  node=$!
  running=("$archive" "$node")
  until "$jcsnode" echo --to 127.0.0.1:21112 --called JCSNODE >/dev/null 2>&1; do sleep 0.3; done
}
# stop ends the node as an operator would.
stop() {
  kill "$node"
  wait "$node" || true
  running=("$archive")
}
send() { "$jcsnode" send --to 127.0.0.1:21112 --called JCSNODE "$@" >/dev/null; }
# ended waits until no more than N studies are without an outcome and no delivery waits.
ended() {
  until sqlite3 "file:$work/data/ledger.db?mode=ro" "SELECT (SELECT count(*) FROM delivery WHERE state = 'waiting') = 0
      AND (SELECT count(*) FROM study WHERE state NOT IN ('reported', 'not processed')) = 0 AND (SELECT count(*) FROM revision) = $1" |
    grep -qx 1; do sleep 0.3; done
}

"$jcsnode" archive --listen 127.0.0.1:21113 --ae ARCHIVE --out "$work/archive" >"$work/archive.log" 2>&1 &
archive=$!
"$jcsnode" phantom --out "$work/positive" --slices 8 --lesions --seed 1
"$jcsnode" phantom --out "$work/replaced" --slices 9 --lesions --seed 2
"$jcsnode" phantom --out "$work/refused" --slices 1 --seed 3
"$jcsnode" phantom --out "$work/negative" --slices 10 --seed 4
"$jcsnode" phantom --out "$work/coming" --slices 3 --seed 5

serve 1s 0
send "$work/positive" "$work/refused"
mkdir "$work/late"
mv "$work"/replaced/IM000[789].dcm "$work/late"
send "$work/replaced"
ended 3
send "$work/late"
ended 4
stop
serve 1s 25
send "$work/negative"
ended 5
stop
serve 1h 25
send "$work/coming"
stop

sqlite3 "$work/data/ledger.db" "VACUUM INTO '$work/small.db'"
gzip -9n <"$work/small.db" >"$here/$commit.db.gz"
ls -l "$here/$commit.db.gz"
