"""What a checkpoint says about how it was made, as it is typed again."""

import json
import pathlib
import re
import shlex


def repeatable(options: str) -> str:
    """The options of a run as they are typed, without the folders of the machine that trained."""
    lists = re.sub(r"--([\w-]+) \[(.*?)\]", lambda m: " ".join(f"--{m[1]} {value}" for value in re.findall(r"\w+", m[2])), options)
    return shlex.join(pathlib.PurePath(word).name if "/" in word else word for word in shlex.split(lists))


def provenance(state: dict) -> dict:
    minutes = state["minutes"] if "minutes" in state else state["seconds"] / 60
    given = {"options": repeatable(state.get("options", "")), "iteration": state["iteration"], "minutes": minutes}
    if state.get("pretrained_options"):
        given["pretrained"] = repeatable(state["pretrained_options"])
    given |= {"start": state["start"].rpartition(" ")[0]} if "start" in state else {}
    given |= {"machine": state["machine"]} if "machine" in state else {}
    if "begun_with" in state:
        before = json.loads(state["begun_with"])
        made = f"{before['iteration']} steps, {before['seconds'] / 60:.1f} minutes"
        given["begun_with"] = f"{repeatable(before['options'])}: {made}; {before['sha256'][:12]}"
    return given | ({"refit": state["refit_options"]} if "refit_options" in state else {})


def left_out(options: str) -> list[str]:
    """The sets that the run with these options did not train on."""
    return re.findall(r"--without (\w+)", repeatable(options))
