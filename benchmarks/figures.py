"""What a measured process reports: how much text, how long, how much memory, and where the time went."""

import json
import resource
import sys
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figures:
    """Seconds are of CPU unless they say wall. `cpu_seconds` holds `loading_seconds`: imports, models, the library."""

    bytes_of_text: int
    documents: int
    cpu_seconds: float
    loading_seconds: float
    wall_seconds: float
    peak_bytes: int
    stages: dict[str, float]

    @property
    def per_core(self) -> float:
        """MB of text a second of CPU, everything the figures hold included."""
        return self.bytes_of_text / 1e6 / self.cpu_seconds

    @property
    def per_core_loaded(self) -> float:
        """The same from the moment everything is loaded."""
        return self.bytes_of_text / 1e6 / (self.cpu_seconds - self.loading_seconds)

    def microseconds_per_kb(self, stage: str) -> float:
        """Of CPU, a stage's own, for 1,000 bytes of text."""
        return self.stages[stage] * 1e9 / self.bytes_of_text

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Figures":
        return cls(**json.loads(path.read_bytes()))


def peak_memory() -> int:
    """The largest resident size of this process so far, in bytes."""
    try:
        # not ru_maxrss, which on Linux also remembers the process that started this one
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024
    except (OSError, StopIteration):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
