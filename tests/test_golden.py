"""What each stage says about a fixed set of texts, on record: output must not change unless the stage's VERSION does.

After a change that is meant: raise VERSION in the stage and run `python -m tests.test_golden` to record anew.
"""

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pytest

from demo import CONFIG
from lexicon.library import load_library
from models import STARTER_MODEL
from pipeline.config import load_config
from pipeline.detectors import load_detectors
from pipeline.plan import make_plan
from pipeline.readers.base import RECORDS, Tray
from pipeline.scan import read_unit
from schemas.policy import load_policy
from schemas.profile import load_profile
from transforms.classifier import read_labels
from transforms.decide import Admission, Decider, Origin
from transforms.text import TextBatch

RECORD = Path(__file__).with_name("golden.json")
ODD = (
    "",
    " ",
    "a",
    "產品和服務，法*輪 功",
    "ＦＵＬＬ　ｗｉｄｔｈ　13800138000 和 zhang@mail.com.cn",
    "𠮷野家 🎉 \u202eevil\u202c \x00 end",
    "def f(x):\n    return x + 1\n" * 20,
    "これは日本語の文章です。" * 5,
    "Ceci est une phrase en français, assez longue pour être reconnue.",
    "百家乐开户，代开发票加微信" * 3,
)


MARKS = (  # the other texts hold none
    "Copyright (c) 2020 Example Ltd. All rights reserved. 版权所有，侵权必究。" + "正文。" * 90 + "未经授权不得转载",
    "ISBN 978-7-115-42802-8，ISSN 1000-1239，doi:10.1007/BF01933190；ISBN 978-7-115-42802-9",
    "// SPDX-License-Identifier: MIT\n密级：秘密\n机密★10年",
    "专利号：ZL 2013 1 0037040.9，CN102345678A；支持iOS®设备，商标注册号：12345678",
)


def observe() -> dict[str, dict[str, str]]:
    """For each stage its fingerprint and a digest of what it says."""
    config = load_config(CONFIG, Path("unused"))
    stages = load_detectors(config).stages
    records = [_records(ODD)]
    for unit in make_plan(config).units:
        first = next(read_unit(unit, Tray(config.limits.document_bytes), config.limits))
        records.append(first.slice(0, 60))
    outputs = {name: [stage(TextBatch(batch)) for batch in records] for name, stage in stages.items()}
    outputs["rights"].append(stages["rights"](TextBatch(_records(MARKS))))
    decider = Decider(load_policy(None), load_profile("tc260-003"), load_library([]), read_labels(STARTER_MODEL).labels)
    outputs["decide"] = [
        part
        for index in range(len(records))
        for part in decider(
            {name: outputs[name][index] for name in ("base", "keywords", "classifier", "pii", "rights")},
            Origin("s", tuple(f"m{i}" for i in range(8)), (0,) * 8),
            Admission(),
        )
    ]
    fingerprints = {name: stage.fingerprint() for name, stage in stages.items()} | {"decide": decider.fingerprint()}
    return {name: {"fingerprint": fingerprints[name], "output": _digest(batches)} for name, batches in outputs.items()}


def _records(texts: tuple[str, ...]) -> pa.RecordBatch:
    rows = [
        {"member": 0, "row": i, "offset": None, "native_id": None, "url": None, "text": text}
        for i, text in enumerate(texts)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=RECORDS)


def _digest(batches: list[pa.RecordBatch]) -> str:
    digest = hashlib.sha256()
    for batch in batches:
        for row in batch.to_pylist():
            digest.update(
                json.dumps(row, default=lambda value: value.hex(), sort_keys=True, ensure_ascii=False).encode()
            )
    return digest.hexdigest()


@pytest.fixture(scope="module")
def observed():
    return observe()


@pytest.mark.parametrize("stage", ["base", "keywords", "classifier", "pii", "fingerprint", "rights", "decide"])
def test_output_changes_only_with_the_fingerprint(observed, stage):
    recorded = json.loads(RECORD.read_text())[stage]
    if observed[stage]["fingerprint"] == recorded["fingerprint"]:
        assert observed[stage]["output"] == recorded["output"], f"{stage} says something else: raise its VERSION"
    else:
        pytest.fail(
            f"the fingerprint of {stage} changed: if that is meant, record anew with `python -m tests.test_golden`"
        )


if __name__ == "__main__":
    RECORD.write_text(json.dumps(observe(), indent=1, sort_keys=True) + "\n")
