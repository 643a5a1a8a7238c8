"""Addresses of machines: what is found and how it is graded, what is left alone, what anchors promise.

All values are made up here.
"""

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pii.detector import Detector
from pii.rules.network import RULES
from tests import pii_texts
from tests.pii_texts import full_width

DETECTOR = Detector(RULES)


found = partial(pii_texts.found_by, detector=DETECTOR)


def assert_anchored(text: str) -> None:
    """Of these rules; and the gate loses none."""
    pii_texts.assert_anchored(text, RULES)
    assert DETECTOR.find(text) == DETECTOR.find_ungated(text)


FOUND = [
    ("登录IP114.114.114.114，", "IP_ADDRESS", "114.114.114.114", "validated"),
    ("http://114.114.114.114:8080/", "IP_ADDRESS", "114.114.114.114", "validated"),
    ("来源：36.112.9.77。", "IP_ADDRESS", "36.112.9.77", "validated"),
    ("DNS 8.8.8.8", "IP_ADDRESS", "8.8.8.8", "contextual"),
    ("来自2408:8207:1850:2a60::4c8。", "IP_ADDRESS", "2408:8207:1850:2a60::4c8", "validated"),
    ("IPv6：2408:8207:1850:2a60::4c8", "IP_ADDRESS", "2408:8207:1850:2a60::4c8", "validated"),
    ("发帖IP2408:8207:1850:2a60::4c8来自", "IP_ADDRESS", "2408:8207:1850:2a60::4c8", "validated"),
    ("<td>登录IP</td><td>36.112.9.77</td>", "IP_ADDRESS", "36.112.9.77", "validated"),
    ("升级服务器36.112.9.77", "IP_ADDRESS", "36.112.9.77", "validated"),
    ("::ffff:114.114.114.114", "IP_ADDRESS", "::ffff:114.114.114.114", "validated"),
    ("DNS地址240c::6666", "IP_ADDRESS", "240c::6666", "contextual"),
    ("MAC地址：3C-22-FB-8A-10-9E", "MAC_ADDRESS", "3C-22-FB-8A-10-9E", "contextual"),
    ("MAC:3c:22:fb:8a:10:9e", "MAC_ADDRESS", "3c:22:fb:8a:10:9e", "contextual"),
    ("device:3c:22:fb:8a:10:9e", "MAC_ADDRESS", "3c:22:fb:8a:10:9e", "contextual"),
    ("终端3c:22:fb:8a:10:9e上线", "MAC_ADDRESS", "3c:22:fb:8a:10:9e", "contextual"),
    ("物理地址3c22.fb8a.109e", "MAC_ADDRESS", "3c22.fb8a.109e", "contextual"),
    ("网卡00:16:30:12:34:57", "MAC_ADDRESS", "00:16:30:12:34:57", "contextual"),
]

LOOK_ALIKES = [
    "网关192.168.1.1",
    "v1.8.8.8",
    "version: 101.8.8.8",
    "版本更新到101.8.8.8",
    "固件版本：4.21.29.54，驱动6.19.25.34",
    "驱动更新到36.112.9.77",
    "驱动101.12.18.86支持新显卡，104.4.18.109不支持",
    "从36.112.9.77升级",
    "见第9.2.2.3节",
    "Chrome/120.0.0.0",
    "opencv-python>=40.10.0.84",
    "1.3.6.1.4.1.311",
    "1.2.3.4.5",
    "1.2.3.256",
    "来自[2001:db8::1]",
    "本机fe80::1",
    "rows[2000::2]",
    "std::add",
    "2020-01-01 12:30:45",
    "aa:bb:cc:dd:ee:ff",
    "00:00:00:00:00:00",
    "FF-FF-FF-FF-FF-FF",
    "01:00:5e:7f:ff:fa",
    "20-01-02-12-30-45",
    "12:30:45:12:30:45",
    "3c:22:fb:8a:10:9e:11",
    "11:3c:22:fb:8a:10:9e",
    "指纹 3c:22:fb:8a:10:9e:11:22:33:44:55:66:77:88:99:00",
    "3c22fb8a109e",
    "3c 22 fb 8a 10 9e",
    "3c22.fb8a.109e",
    "",
]


@pytest.mark.parametrize(("text", "kind", "value", "grade"), FOUND)
@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
def test_finds_and_grades(text: str, kind: str, value: str, grade: str, shape: type[str]) -> None:
    assert found(shape(text)) == [(kind, shape(value), grade)]
    assert_anchored(shape(text))


@pytest.mark.parametrize("text", LOOK_ALIKES)
@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
def test_look_alikes_do_not_count(text: str, shape: type[str]) -> None:
    assert [grade for _, _, grade in found(shape(text)) if grade != "weak"] == []


octets = st.integers(0, 255).map(str)
hextets = st.from_regex(r"[0-9a-f]{1,4}", fullmatch=True)
values = st.one_of(
    st.lists(octets, min_size=4, max_size=4).map(".".join),
    st.builds(
        lambda head, rest, sep: f"{head}:{':'.join(rest[:2])}{sep}{':'.join(rest[2:])}",
        st.sampled_from(["2408", "2001", "fe80", "3fff", "240c"]),
        st.lists(hextets, max_size=7),
        st.sampled_from([":", "::"]),
    ),
    st.builds(
        lambda pairs, sep: sep.join(pairs),
        st.lists(st.from_regex(r"[0-9a-fA-F]{2}", fullmatch=True), min_size=6, max_size=7),
        st.sampled_from([":", "-"]),
    ),
    st.from_regex(r"[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}", fullmatch=True),
)
glue = st.lists(
    st.sampled_from([*"地址网卡是，。：v版 \n-.:[]a1０ｆ", "MAC", "IP", "::", "物理地址"]), max_size=12
).map("".join)

HOSTILE = ["1", "1.", "1.1.", "2:", "f", "2001:", ":", "aa:", "aa-", "abcd."]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(values, values.map(full_width), glue), max_size=6).map("".join))
def test_every_finding_has_its_anchor_and_the_gate_loses_none(text: str) -> None:
    assert_anchored(text)


@pytest.mark.parametrize("unit", HOSTILE)
def test_monotonous_documents_come_to_an_end(unit: str) -> None:
    text = unit * (200_000 // len(unit))  # quadratic work on these would run into the time limit of a rule
    for rule in RULES:
        rule.findings(text)
