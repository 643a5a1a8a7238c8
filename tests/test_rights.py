"""What indicates intellectual property in a text, and what only speaks of it; found the same however texts come."""

import pickle
import re
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import transforms.rights
from transforms.rights import INDICATORS, Rights
from transforms.rights.anchors import WIDTH, Anchors
from transforms.rights.numbers import is_chinese_patent, is_isbn, is_issn
from transforms.rights.rules import RULES
from transforms.text import TextBatch

STAGE = Rights()


def indicators(texts: list[str], stage: Rights = STAGE) -> list[list[dict[str, Any]] | None]:
    records = pa.RecordBatch.from_arrays([pa.array(texts, pa.large_string())], names=["text"])
    found = stage(TextBatch(records))
    assert found.schema == Rights.schema
    rows: list[list[dict[str, Any]] | None] = found.column("indicators").to_pylist()
    return rows


def kinds(text: str) -> set[str]:
    (found,) = indicators([text])
    return {each["indicator"] for each in found or ()}


POSITIVE = [
    ("copyright_notice", "© 2023 星河出版社"),
    ("copyright_notice", "图/©新华社"),
    ("copyright_notice", "Photo © Getty Images"),
    ("copyright_notice", "&copy; 2021 My Website"),
    ("copyright_notice", "Copyright (c) 2000, 2018, Example Corporation"),
    ("copyright_notice", "COPYRIGHT 1999-2004 THE AUTHORS"),
    ("copyright_notice", "This page is copyright by Jane Roe"),
    ("copyright_notice", "copyright is held by robinson-blackmore"),
    ("copyright_notice", "(C) 2019 Example Ltd"),
    ("copyright_notice", "All rights reserved."),
    ("copyright_notice", "ALL RIGHTS\nRESERVED"),
    ("copyright_notice", "版权所有，翻印必究"),
    ("copyright_notice", "版權所有 不得轉載"),
    ("copyright_notice", "本文版权归原作者所有"),
    ("copyright_notice", "版权声明：本文为博主原创文章"),
    ("copyright_notice", "未经授权不得转载"),
    ("copyright_notice", "未经本社书面许可，任何单位和个人不得以任何形式复制、摘编本书内容"),
    ("copyright_notice", "未經許可，嚴禁轉載"),
    ("copyright_notice", "转载请注明出处"),
    ("copyright_notice", "谢绝转载"),
    ("copyright_notice", "盗版必究"),
    ("isbn", "ISBN 978-7-115-42802-8"),
    ("isbn", "ISBN：9787020002207 定价：25.00元"),
    ("isbn", "isbn = {0-306-40615-2},"),
    ("isbn", "ISBN-13: 978 7 115 42802 8"),
    ("isbn", "书号：ISBN 7-02-000220-X"),
    ("isbn", r"\acmISBN{978-1-4503-5965-8/18/10}"),
    ("issn", "ISSN 1000-1239"),
    ("issn", "国际标准刊号 ISSN：0378-4371"),
    ("issn", "eISSN 2434-561X"),
    ("doi", "https://doi.org/10.1109/VS-GAMES.2015.7295760"),
    ("doi", "DOI：10.3969/j.issn.1000-1239.2020.01.001"),
    ("doi", "doi: 10.1007/BF01933190"),
    ("doi", "https://dl.acm.org/doi/10.1145/773473.178249"),
    ("licence_header", "# SPDX-License-Identifier: Apache-2.0"),
    ("licence_header", '// Licensed under the Apache License, Version 2.0 (the "License");'),
    ("licence_header", " * it under the terms of the GNU General Public License as published"),
    ("licence_header", "Permission is hereby granted, free of charge, to any person obtaining a copy"),
    ("licence_header", "// Redistribution and use in source and binary forms,"),
    ("licence_header", "# Permission to use, copy, modify, and distribute this software"),
    ("licence_header", "Distributed under the MIT/X11 software license"),
    ("licence_header", "// Use of this source code is governed by a BSD-style license"),
    ("licence_header", "Released under the MIT license."),
    ("licence_header", "https://creativecommons.org/licenses/by-sa/4.0/"),
    ("licence_header", "图片来自 CC BY-SA 4.0"),
    ("licence_header", "本作品采用知识共享署名 4.0 国际许可协议进行许可"),
    ("licence_header", "本项目采用 MIT 协议"),
    ("licence_header", "遵循木兰宽松许可证"),
    ("secrecy_mark", "机密★10年"),
    ("secrecy_mark", "绝密 ★ 启用前"),
    ("secrecy_mark", "密级：秘密"),
    ("secrecy_mark", "内部资料，注意保存"),
    ("secrecy_mark", "内部文件 严禁外传"),
    ("secrecy_mark", "【商业秘密】第三季度报价"),
    ("secrecy_mark", "报价\n★ 商业秘密 ★\n第1页"),
    ("secrecy_mark", "核心商密▲"),
    ("secrecy_mark", "商业秘密，请勿外传"),
    ("secrecy_mark", "Quarterly plan\nCOMPANY CONFIDENTIAL\nPage 3"),
    ("secrecy_mark", "***Strictly Confidential***"),
    ("secrecy_mark", "PROPRIETARY AND CONFIDENTIAL information of the vendor"),
    (
        "secrecy_mark",
        "CONFIDENTIAL - DO NOT DISTRIBUTE, see page 2 for the list of those who may read it and why they may",
    ),
    ("secrecy_mark", "SECRET//NOFORN"),
    ("patent_number", "专利号：ZL 2013 1 0037040.9"),
    ("patent_number", "（ZL200310102344.5）"),
    ("patent_number", "ZL98101234.5"),
    ("patent_number", "参见 CN102345678A 与其附图"),
    ("patent_number", "公告号 CN 204123456 U"),
    ("patent_number", "申请号 CN201310037040.9"),
    ("patent_number", "专利申请号为201310037040.9"),
    ("patent_number", "专利号：US 7654321"),
    ("patent_number", "U.S. Patent No. 5,123,456"),
    ("trademark", "支持iOS®设备"),
    ("trademark", "免费Android™客户端"),
    ("trademark", "商标注册号：12345678"),
    ("trademark", "注册商标证第1234567号"),
    ("trademark", "第3471321号“星河”注册商标"),
    ("trademark", "Linux 是某人的注册商标"),
    ("trademark", "JDK 是某公司和/或其附属公司的商标或注册商标"),
    ("trademark", "UNIX is a registered trademark of The Open Group"),
    ("trademark", "Trademark Reg. No. 1234567"),
]


@pytest.mark.parametrize(("indicator", "text"), POSITIVE, ids=[text[:40] for _, text in POSITIVE])
def test_a_mark_is_seen(indicator: str, text: str) -> None:
    assert indicator in kinds(text)
    assert indicator in kinds(f"前文。\n{text}\n后文 and more.")


NEAR_MISSES = [
    *("保护版权是每个人的责任", "版权所有者有权起诉", "版权所有人和版权所有权", "著作权归作者享有，另有约定的除外"),
    *("the © symbol", "版权符号©的用法", "©", "copyright law and copyright infringement", "The Copyright Act of 1976"),
    *("no rights reserved here", "f(c) 2008", "(c) 2000 yuan", "copyright holders", "copyrighted material"),
    *("未经许可不得入内", "未经批准，不得发行证券", "他转载了一篇文章", "这条消息被多家媒体转载", "必究原因"),
    *("ISBN 978-7-115-42802-9", "ISBN 0-306-40615-3", "9787115428028", "ISBN 是国际标准书号", "ISBN 97871154280281"),
    *("ISSN 1000-1238", "issn.1000-1239", "MISSN 1000-1239", "ISSN 10001239A", "1000-1239"),
    *("10.1109/5.771073", "版本 10.2019/5", "doi 是数字对象标识", "doing 10.1007/BF01933190", "doi:10.12/abc"),
    *(
        "MIT 协议与 GPL 协议的区别",
        "he works at MIT",
        "this is licensed under the Act of 1934",
        "the terms of the contract",
        "governed by the law",
    ),
    *(
        "the General Public License is a licence",
        "commit 协议",
        "Permission is required",
        "CC BYE",
        "creativecommons.org",
    ),
    *("这是我们之间的秘密", "泄露机密文件", "密级：公开", "密级：秘密/机密/绝密", "星级★", "秘密花园★★★★★"[:4]),
    *(
        "侵犯商业秘密罪",
        "\n## 商业秘密\n",
        "内部资料显示，公司亏损",
        "保守商业秘密，防止泄露",
        "属于内部使用",
        "商业秘密、注意事项",
    ),
    *(
        "keep this confidential please",
        "confidential information means any information",
        "a strictly confidential talk he gave",
    ),
    *(
        "专利法第二十二条",
        "申请了12项专利",
        "专利号：123",
        "ZL201310037040.8",
        "ZL12",
        "MZL201310037040.9",
        "CN1234567",
    ),
    *(
        "专利号：201310037040.8",
        "SCN102345678A",
        "CN402345678A",
        "CN102345678U",
        "patent number theory",
        "patent no. 12",
    ),
    *("®", "注册商标符号®", "a ™ b", "商标法", "商标第35类", "申请商标20000元", "商标局第12号"),
    *("与原告的注册商标相同", "他是商标代理人", "trademark law", "the trademark of good writing", "trademarks of"),
]


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_talk_about_rights_and_wrong_numbers_are_none(text: str) -> None:
    assert kinds(text) == set()
    assert kinds(f"前文，{text}，后文。") == set()


@pytest.mark.parametrize(
    ("is_valid", "number"),
    [
        (is_isbn, "9787115428028"),
        (is_isbn, "702000220X"),
        (is_issn, "2434561X"),
        (is_chinese_patent, "2003101023445"),
        (is_chinese_patent, "981012345"),
    ],
)
def test_of_all_check_digits_one_is_right(is_valid: Any, number: str) -> None:
    assert [digit for digit in "0123456789X" if is_valid(number[:-1] + digit)] == [number[-1]]


def test_every_indicator_and_every_rule_is_seen_in_the_table() -> None:
    assert {indicator for indicator, _ in POSITIVE} == set(INDICATORS)
    texts = [text for _, text in POSITIVE]
    for rule in RULES:
        holds = [m for text in texts for i in range(len(text)) if (m := rule.pattern.match(text, i)) and rule.check(m)]
        assert holds, rule.pattern.pattern


def test_occurrences_are_counted_and_the_first_is_placed_in_code_points() -> None:
    text = "𠮷野家 🎉 见 ISBN 978-7-115-42802-8，又 ISBN 0-306-40615-2。" + "字" * 200 + "ISSN 1000-1239"
    assert indicators([text]) == [
        [
            {"indicator": "isbn", "count": 2, "start": text.index("ISBN")},
            {"indicator": "issn", "count": 1, "start": text.index("ISSN")},
        ]
    ]


def test_a_notice_of_several_sentences_is_one() -> None:
    notice = "Copyright © 2020 Example Ltd. All rights reserved. 版权所有，侵权必究。"
    assert indicators([notice + "正文。" * 200 + notice]) == [
        [{"indicator": "copyright_notice", "count": 2, "start": 0}]
    ]


def naive(text: str) -> list[dict[str, Any]] | None:
    """The same without anchors and windows: every rule is tried at every character of the whole text."""
    found: dict[str, list[tuple[int, int]]] = {}
    for at in range(len(text)):
        begin = len(text[:at].encode())
        for rule in RULES:
            match = rule.pattern.match(text, at)
            if match and rule.check(match):
                found.setdefault(rule.indicator, []).append((begin, begin + len(match[0].encode())))
    rows = []
    for kind, places in sorted(found.items()):
        count, end = 0, -1
        for low, high in places:
            count += end < 0 or low >= end + transforms.rights.rules.NOTICE.get(kind, 0)
            end = max(end, high)
        start = len(text.encode()[: places[0][0]].decode())
        rows.append({"indicator": kind, "count": count, "start": start})
    return rows or None


pieces = st.one_of(
    st.sampled_from([text for _, text in POSITIVE] + NEAR_MISSES),
    st.sampled_from([anchor.replace("#", "7") for rule in RULES for anchor in rule.anchors]),
    st.text(max_size=12),
    st.sampled_from(["\n", " ", "。", "，", "a", "中", "🎉", "7", "\x00", "字" * 90]),
)
documents = st.lists(pieces, max_size=5).map("".join)


@settings(max_examples=150, deadline=None)
@given(st.lists(documents, max_size=4))
@example(["©", "© 2020", "", "A©"])
@example(["ISB", "N 978-7-115-42802-8"])
def test_anchors_and_windows_hide_nothing_and_batches_do_not_show(texts: list[str]) -> None:
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    expected = [naive(text) for text in texts]
    assert indicators(texts) == expected
    assert [row for text in texts for row in indicators([text])] == expected
    assert indicators(["字", *texts])[1:] == expected, "one byte more before them"


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=60), st.lists(st.sampled_from(["isbn", "©", "10.####", "未经", "a b", "ZL#"]), min_size=1))
@example(b"isbn", ["isbn"])
@example("©未经".encode(), ["©", "未经"])
def test_anchors_are_found_wherever_they_stand(content: bytes, anchors: list[str]) -> None:
    content += "x".join(anchors).replace("#", "3").encode()
    parts = Anchors(anchors).find(np.frombuffer(content, dtype=np.uint8))
    found = [pair for at, anchor in parts for pair in zip(at.tolist(), anchor.tolist(), strict=True)]
    expected = [
        (match.start(), number)
        for number, anchor in enumerate(anchors)
        for match in re.finditer(b"(?=%s)" % _as_pattern(anchor), content)
    ]
    assert found == sorted(expected)


def test_parts_and_portions_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(text for _, text in POSITIVE) * 3 + "1" * 90 + "©" * 90
    whole = indicators([text])
    monkeypatch.setattr(transforms.rights.anchors, "PART", 8)
    monkeypatch.setattr(transforms.rights.anchors, "PORTION", 5)
    assert indicators([text]) == whole == [naive(text)]


def _as_pattern(anchor: str) -> bytes:
    signs = {"#": b"[0-9]", " ": rb"[ \t\r\n]"}
    return b"".join(
        signs.get(char)
        or (b"(?i:%s)" % char.encode() if char.islower() and char.isascii() else re.escape(char).encode())
        for char in anchor
    )


def test_every_match_begins_with_an_anchor_of_its_rule() -> None:
    """No anchor is longer than what is compared without being told apart by its pattern, and none is too short."""
    assert all(len(anchor.encode()) >= 2 for rule in RULES for anchor in rule.anchors)
    assert max(STAGE._anchors.lengths) <= WIDTH


@pytest.mark.parametrize(
    "seed", [rule.anchors[0].replace("#", "7") for rule in RULES] + ["未经许可" * 3, "ISBN 9 7 8 - ", "10.1111/"]
)
def test_a_hostile_text_is_tried_a_bounded_number_of_times(seed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anchors without end: how often rules are tried does not grow with the text, and what stands before counts."""
    tried: Counter[str] = Counter()
    reading = transforms.rights._Reading._around
    monkeypatch.setattr(transforms.rights, "MOST", 50)

    def counted(self: Any, begin: int) -> tuple[str, str]:
        tried[seed] += 1
        return reading(self, begin)

    monkeypatch.setattr(transforms.rights._Reading, "_around", counted)
    (found,) = indicators(["ISSN 1000-1239 " + seed * 3000])
    assert "issn" in {each["indicator"] for each in found or ()}
    assert tried[seed] <= 50 * len(RULES)


def test_bounds_of_patterns_fit_the_window() -> None:
    """No pattern can read further than the window shows."""
    for rule in RULES:
        width = re._parser.parse(rule.pattern.pattern).getwidth()[1]  # type: ignore[attr-defined]
        assert width <= transforms.rights.rules.REACH, rule.pattern.pattern


def test_the_stage_travels_and_its_fingerprint_tells_its_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = pickle.dumps(STAGE)
    assert len(sent) < 1000, "tables are made where they are used"
    assert indicators(["ISSN 1000-1239"], pickle.loads(sent)) == indicators(["ISSN 1000-1239"])
    before = STAGE.fingerprint()
    monkeypatch.setattr(transforms.rights, "RULES", RULES[1:])
    assert STAGE.fingerprint() != before


def test_no_documents_and_empty_ones_are_fine() -> None:
    assert indicators([]) == []
    assert indicators(["", ""]) == [None, None]
