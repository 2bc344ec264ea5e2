#!/bin/sh
# Trains a network as a recipe says, from nothing or from where it was stopped. Start it again after any end: it goes on, and ends at once
# when all is done. SIGTERM to its Python process saves and stops; SIGSTOP and SIGCONT cost nothing, since budgets count processor time or steps.
#
# Usage: train.sh segmenter|classifier [RECIPE]          (default: shipped)
#
#   setsid nice -n 19 models/training/train.sh segmenter </dev/null >/dev/null 2>&1 &
#
# Checkpoints, curves and NAME.log: ~/.cache/jcsnode/training (XDG_CACHE_HOME), of other recipes in a folder of their own below it.
# JCS_BEGIN_WITH, a -last.pt of another run, is trained on by this recipe. JCS_SEED (1) and JCS_THREADS (1) change a run, and one of
# JCS_ITERATIONS (the recipe's), JCS_MINUTES of processor time, and JCS_UNTIL, a time of day (18:00) at which the schedule ends, however busy
# the machine was.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
network=$1
recipe=${2:-shipped}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/jcsnode
seed=${JCS_SEED:-1}
folder=$cache/training
case $recipe in *.toml) recipe=$(realpath "$recipe") ;; esac
[ "$recipe" = shipped ] || folder=$folder/$(basename "$recipe" .toml)
[ "$seed" = 1 ] || folder=$folder-seed$seed
mkdir -p "$folder"

exec 9>"$folder/$network.lock"
flock -n 9 || { echo "$network is being trained in $folder already" >&2; exit 1; }
cd "$here"
export OMP_NUM_THREADS="${JCS_THREADS:-1}" PYTHONUNBUFFERED=1

# One step of the chain: module, name of its checkpoint, further options.
step() {
    module=$1 name=$2
    shift 2
    [ ! -f "$folder/$name-last.pt" ] || set -- "$@" --resume
    echo "$(date -u +%FT%TZ) $module $*" >>"$folder/$network.log"
    "$cache/venv/bin/python" -m "$module" --recipe "$recipe" --seed "$seed" --threads "$OMP_NUM_THREADS" --folder "$folder" \
        --validate-every 20 ${JCS_ITERATIONS:+--iterations "$JCS_ITERATIONS"} ${JCS_MINUTES:+--minutes "$JCS_MINUTES"} \
        ${JCS_UNTIL:+--until "$JCS_UNTIL"} ${JCS_BEGIN_WITH:+--begin-with "$JCS_BEGIN_WITH"} "$@" >>"$folder/$network.log" 2>&1
}

case $network in
segmenter)
    step jcs.train_segmenter segmenter
    ;;
classifier)
    if "$cache/venv/bin/python" -c 'import sys; from jcs import recipe; sys.exit(recipe.load(sys.argv[1]).classifier.start != "pretrained")' "$recipe"; then
        step jcs.pretrain_classifier pretrained
        step jcs.train_classifier classifier --pretrained "$folder/pretrained-last.pt"
    else
        step jcs.train_classifier classifier
    fi
    ;;
*)
    echo "usage: train.sh segmenter|classifier [RECIPE]" >&2
    exit 2
    ;;
esac
