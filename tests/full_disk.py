"""Runs audits on file systems that are too small; in a mount namespace of its own (tests/test_unbreakable.py).

unshare -rm python -m tests.full_disk FOLDER [--short]
"""

import json
import subprocess
import sys
from pathlib import Path

from tests.kill_harness import Bench, bench, differences, left_over, must, observed, prepared

FULL = "No space left on device"
SIZES = ("size=200k", "size=1m", "size=2500k", "size=5m", "nr_inodes=30", "nr_inodes=150")
SHORT = (("output", "size=2500k"), ("output", "nr_inodes=150"), ("scans", "size=1m"))
ALL = (*(("output", size) for size in SIZES), *(("scans", size) for size in SIZES[1:]))
ROOM = "remount,size=200m,nr_inodes=100k"


def mount(place: Path, options: str) -> None:
    """A file system in memory."""
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=True)


def unmount(place: Path) -> None:
    """Takes it away."""
    subprocess.run(["umount", str(place)], check=True)


def whole_output(made: Bench, options: str) -> str:
    """The output folder with its scans and the emitted corpus on a small disk."""
    place = made.folder / "disk"
    mount(place, options)
    try:
        out = place / "out"
        try:
            prepared(out)
        except OSError:
            return "too small for a folder"
        return _fails_and_goes_on(made, out, place)
    finally:
        unmount(place)


def scans_only(made: Bench, options: str) -> str:
    """The scans alone on a small disk."""
    place, out = made.folder / "scans", prepared(made.folder / f"o{options.replace('=', '')}" / "out")
    own = made.config_for(out)
    content = json.loads(own.read_text(encoding="utf-8"))
    own.write_text(json.dumps(content | {"scans": str(place)}, ensure_ascii=False), encoding="utf-8")
    mount(place, options)
    try:
        return _fails_and_goes_on(made, out, place)
    finally:
        unmount(place)


def _fails_and_goes_on(made: Bench, out: Path, place: Path) -> str:
    arguments = ["run", str(made.config_for(out)), "--out", str(out)]
    refused = made.run(out, arguments=arguments)
    if refused.code == 0:
        return "large enough"
    must(refused, 3)
    assert "nothing was started" in refused.said or "not enough" in refused.said or FULL in refused.said, refused.said
    ended = made.run(out, arguments=[*arguments, "--ignore-space"])
    if ended.code == 0:
        said = "large enough"
    else:
        must(ended, 3)
        lines = [line for line in ended.said.splitlines() if line.startswith("错误 / error")]
        assert len(lines) == 1 and FULL in lines[0] and "Traceback" not in ended.said, ended.said
        said = FULL
        must(made.run(out, arguments=["status", str(out)]))
    subprocess.run(["mount", "-o", ROOM, str(place)], check=True)
    must(made.run(out, arguments=arguments))
    assert differences(made.expected, observed(out)) == []
    assert left_over(out) == []
    return said


def main(folder: Path, cases: tuple[tuple[str, str], ...]) -> None:
    """All cases, one after the other."""
    with bench(folder, seed=0) as made:
        for what, options in cases:
            told = whole_output(made, options) if what == "output" else scans_only(made, options)
            print(what, options, told, flush=True)
    print("all went on")


if __name__ == "__main__":
    main(Path(sys.argv[1]), SHORT if "--short" in sys.argv else ALL)
