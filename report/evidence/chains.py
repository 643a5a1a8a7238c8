"""The chains of an output folder a report stands on: register of rounds, blacklist, publications, training, assessments.

Chains grow after a report was made; read up to a recorded length they are what it was made from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blacklist.log import EVENTS as BLACKLIST
from pipeline.emission.emitted import CHAIN
from pipeline.emission.match import FOLDER as TRAINING
from pipeline.errors import RunFailed
from pipeline.origins.assess import EVENTS as ASSESSED
from pipeline.origins.assess import FOLDER as ASSESSMENTS
from pipeline.store.output import Output
from rounds.register import FILE, FOLDER
from schemas.chain import GENESIS, as_line, read_chain

CHAINS = ("register", "blacklist", "publications", "training", "assessments")


@dataclass(frozen=True)
class Chains:
    """The records of each chain, up to where they are read."""

    records: Mapping[str, list[dict[str, Any]]]

    def __getitem__(self, name: str) -> list[dict[str, Any]]:
        return self.records[name]

    def lines(self, name: str) -> bytes:
        """The chain as its file has it."""
        return b"".join(as_line(record) + b"\n" for record in self.records[name])


def paths(output: Output) -> dict[str, Path]:
    """Where the chains are."""
    return {
        "register": output.folder / FOLDER / FILE,
        "blacklist": output.blacklist / BLACKLIST,
        "publications": output.publications,
        "training": output.folder / TRAINING / CHAIN,
        "assessments": output.folder / ASSESSMENTS / ASSESSED,
    }


def read_chains(output: Output, heads: Mapping[str, int] | None = None) -> Chains:
    """All chains, whole or as many lines as `heads` says. Raises RunFailed where one is broken or became shorter."""
    found, wrong = {}, []
    for name, path in paths(output).items():
        records, problems = read_chain(path)
        wrong += problems
        length = len(records) if heads is None else heads.get(name, 0)
        if length > len(records):
            wrong.append(
                f"{path}: 只剩 {len(records)} 条，应有 {length} 条 / holds {len(records)} lines of {length}: its end was cut off"
            )
        found[name] = records[:length]
    if wrong:
        raise RunFailed("记录被改动，不作报告 / a chain was changed; no report is made of it:\n" + "\n".join(wrong))
    return Chains(found)


def heads_of(chains: Chains) -> dict[str, dict[str, Any]]:
    """Length and last digest of each chain."""
    return {
        name: {"lines": len(records), "sha256": records[-1]["sha256"] if records else GENESIS}
        for name, records in ((name, chains[name]) for name in CHAINS)
    }
