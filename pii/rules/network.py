"""Addresses of machines: IPv4, IPv6 and MAC."""

import ipaddress
import re

from pii.checks import is_public
from pii.rule import COLON, CONTEXTUAL, DIGIT, DOT, HEX, REJECTED, UNSURE, VALIDATED, WEAK, Rule, wide
from pii.surroundings import VERSION, before, behind, glued

_IP_LABEL = re.compile(r"(?<![A-Za-z])(?ai:ip|ipv4|addr|address|host|server|dns)\Z")
_PINNED = re.compile(r"(?:[<>~!]=?|==|\^) ?[\"']?\Z")  # opencv>=4.10.0.84
_PROGRAM = re.compile(  # 固件版本：1.2.3.4，驱动5.6.7.8
    r"(?:版本?|固件|驱动|内核|补丁|插件|软件|客户端|程序|升级到?至?|更新[到至]?|(?<![A-Za-z])(?ai:firmware|driver|kernel|build|release|version|ver))"
    r"(?:版本?|号|为|是|[: ]){0,5}(?:[0-9]+(?:\.[0-9]+){1,3}[^0-9A-Za-z]{1,3})?\Z"
)
_PROGRAM_NEAR = re.compile(  # 从5.6.7.8升级，驱动11.2.3.4支持新显卡，5.6.7.8不支持
    r"版本|固件|驱动|内核|补丁|插件|软件|客户端|程序|升级|降级|回退|回滚|退回|更新|安装|闪退|分支|依赖"
    r"|(?<![A-Za-z])(?ai:firmware|driver|kernel|build|release|version|ver|app|sdk|jdk|install|update|upgrade|chrome|nginx|android|ios|windows)(?![a-z])"
)
_PROGRAM_BEHIND = re.compile(
    r"[ \"'”」)]{0,2}(?:正式|测试|稳定|预览|内测|公测|最新|旧|新|这个|这一|该)?(?:版|及以[上下后前]|以[上下后前]|之[前后]|或更高|不?支持|不?兼容|修复|更新|发布|闪退|补丁|升级|固件|驱动)"
    r"|[ ]?(?:->|→|=>|~)[ ]?[vV]?[0-9]"
)
_SERVED = re.compile(
    r"服[务務]器|地址|主机|登[录陆錄]|[来來]源|访问|归属|封禁|端口|代理|网关|(?<![A-Za-z])(?ai:server|host|addr|from|client|remote)|(?ai:ip)(?![a-z])"
)
_TAG_BEFORE = re.compile(r"<[^<>\n]{1,22}>\Z")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"


def _check_ipv4(text: str, start: int, end: int) -> float:
    ahead = before(text, start)
    if glued(ahead) and not (_IP_LABEL.search(ahead) or VERSION.search(ahead)):
        return REJECTED
    found = text[start:end]
    if not is_public(ipaddress.IPv4Address(found)) or found.endswith(".0.0"):
        return WEAK
    served = _SERVED.search(ahead)
    if _PROGRAM.search(ahead) and not served:
        return WEAK
    if not served and (_PROGRAM_BEHIND.match(behind(text, end)) or _PROGRAM_NEAR.search(ahead)):
        return UNSURE
    if max(map(int, found.split("."))) < 32:  # section 9.2.2.3, release 2.7.1.5: one real address in 4,096 looks so
        return UNSURE
    if _PINNED.search(ahead) and not _TAG_BEFORE.search(ahead):
        return WEAK
    return UNSURE if VERSION.search(ahead) or re.match(r"[-+][0-9A-Za-z]", text[end : end + 2]) else VALIDATED


def _check_ipv6(text: str, start: int, end: int) -> float:
    try:
        address = ipaddress.IPv6Address(text[start:end])
    except ValueError:
        return REJECTED
    if not is_public(address.ipv4_mapped or address):
        return WEAK
    if re.search(r"[0-9A-Za-z_)\]]\[\Z", before(text, start)):  # a slice: rows[2000::2]
        return REJECTED
    return UNSURE if len(re.findall(r"[0-9A-Fa-f]+", text[start:end])) < 3 else VALIDATED


_SAMPLE_MACS = frozenset(
    ("001122334455", "aabbccddeeff", "0123456789ab", "123456789abc", "deadbeefcafe", "112233445566")
)


def _check_mac(text: str, start: int, end: int) -> float:
    """Nothing to check, but six pairs among which letters and digits mix are hardly anything else."""
    address = re.sub(r"[:.-]", "", text[start:end]).lower()
    if glued(before(text, start)):
        return REJECTED
    group = int(address[1], 16) % 2  # multicast and broadcast are nobody's device
    if group or len(set(address)) <= 2 or address in _SAMPLE_MACS:
        return WEAK
    sparse = address.isdigit() or address.isalpha() or "." in text[start:end]
    return UNSURE if sparse else CONTEXTUAL


RULES = (
    Rule(
        "ipv4",
        "IP_ADDRESS",
        rf"(?<![0-9.]){_IPV4}(?![0-9A-Za-z_]|\.[0-9A-Za-z])",
        rf"{DIGIT}{DOT}{DIGIT}{{1,3}}{DOT}{DIGIT}{{1,3}}{DOT}{DIGIT}",
        _check_ipv4,
        ("服务器", "主机", "地址", "登录", "ip", "ipv4", "host", "server", "address", "ping", "ssh", "dns"),
    ),
    Rule(
        # unicast, link-local, unique local and multicast heads, the loopback and mapped v4: `std::add` is none of them
        "ipv6",
        "IP_ADDRESS",
        r"(?:(?<![0-9A-Za-z._])|(?<=[Ii][Pp])|(?<=[Ii][Pp][Vv]6))(?<![^G-Zg-z][0-9A-Fa-f]:)(?<!::)(?:(?:[23][0-9A-Fa-f]{3}|[Ff][CcDdEeFf][0-9A-Fa-f]{2})(?:::?[0-9A-Fa-f]{1,4}){0,7}(?:::)?"
        rf"|::1|::[Ff]{{4}}:{_IPV4})(?![0-9A-Za-z_:]|\.[0-9])",
        rf"{wide('23')}{HEX}{{3}}{COLON}{HEX}{{0,4}}{COLON}|{wide('fF')}{wide('cdefCDEF')}{HEX}{{2}}{COLON}{HEX}{{0,4}}{COLON}"
        rf"|{COLON}{COLON}{wide('1')}|{COLON}{COLON}{wide('fF')}{{4}}{COLON}{DIGIT}",
        _check_ipv6,
        ("地址", "dns", "ip", "ipv6"),
    ),
    Rule(
        "mac",
        "MAC_ADDRESS",
        r"(?<![0-9A-Fa-f.-])(?<![0-9A-Za-z]-)(?<![^G-Zg-z][0-9A-Fa-f]{2}:)(?<!\A[0-9A-Fa-f]{2}:)(?:[0-9A-Fa-f]{2}(?:(?::[0-9A-Fa-f]{2}){5}|(?:-[0-9A-Fa-f]{2}){5})"
        r"|[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2})(?![0-9A-Za-z_]|[:.-][0-9A-Fa-f])",
        rf"{HEX}{{2}}(?:(?:{COLON}{HEX}{{2}}){{4}}|(?:{wide('-')}{HEX}{{2}}){{4}})|{HEX}{{4}}{DOT}{HEX}{{4}}{DOT}{HEX}{{2}}",
        _check_mac,
        ("物理地址", "网卡", "设备", "硬件地址", "蓝牙", "mac", "bssid", "hwaddr", "ether", "bluetooth"),
        mandatory=True,
    ),
)
