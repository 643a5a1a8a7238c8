"""`corpus-audit review`: serves the page people judge on, shows how far they are, keeps their accounts."""

import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.errors import RunFailed, UsageError
from pipeline.store.output import Output, locked
from pipeline.terminal.arguments import Out
from pipeline.terminal.review_exchange_commands import export, import_

if TYPE_CHECKING:
    from review.store import ReviewStore

review_app = typer.Typer(help="判读 / Review of an assessment round", no_args_is_help=True)
_users = typer.Typer(help="判读账号 / Accounts of the review", no_args_is_help=True)
review_app.add_typer(_users, name="user")
review_app.command("export")(export)
review_app.command("import")(import_)

Name = Annotated[str, typer.Argument(metavar="NAME", help="姓名 / name")]
OfRound = Annotated[
    str | None,
    typer.Option(
        "--round", metavar="R", help="轮次，默认审核中的一轮 / round; without it the one that is being judged"
    ),
]
Roles = Annotated[
    str,
    typer.Option("--roles", help="角色，逗号分隔 / roles, by commas: annotator,second,adjudicator,lead,auditor"),
]
Until = Annotated[
    str | None,
    typer.Option("--qualified-until", metavar="DATE", help="上岗资格到期日 / last day somebody may judge, YYYY-MM-DD"),
]
By = Annotated[str | None, typer.Option("--by", help="经办人，默认登录名 / who does it; without it the login name")]


@review_app.command("serve")
def serve(
    out: Out,
    of_round: OfRound = None,
    host: Annotated[
        str,
        typer.Option(help="监听地址；其他机器可访问的须有 TLS / address to listen on; one others can reach wants TLS"),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="端口，0 任选 / port; 0 takes a free one")] = 8765,
    names: Annotated[
        list[str] | None, typer.Option("--name", help="网页的其他主机名，可多次 / further host names of the page")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option("--tls-cert", help="证书 / certificate, PEM")] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", help="私钥 / private key, PEM")] = None,
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure", help="无 TLS 也供其他机器访问，不加密 / serve other machines without TLS, unencrypted"
        ),
    ] = False,
    lease: Annotated[
        int,
        typer.Option(min=1, max=240, help="条目保留几分钟，操作时续期 / minutes an item is kept; renewed by activity"),
    ] = 15,
) -> int:
    """打开判读网页 / Serves the page people judge on, until Ctrl-C."""
    from review.server import Site
    from review.server import serve as serve_page

    with _store(out, of_round or _being_judged(out), lease) as store:
        busy = f"{store.folder}: 网页已由另一进程打开 / another process serves this round already: use that one, or stop it"
        with locked(store.folder, busy):
            if not any(person.active for person in store.people()):
                print(
                    f"还没有账号 / there is no account yet: corpus-audit review user add {out} NAME --roles lead",
                    file=sys.stderr,
                )
            try:
                serve_page(store, Site(host, port, tuple(names or ()), tls_cert, tls_key, insecure))
            except KeyboardInterrupt:  # how a server is meant to end
                print("已停止 / stopped")
    return 0


@review_app.command("status")
def status(
    out: Out,
    of_round: OfRound = None,
    form: Annotated[str, typer.Option("--format", help="table 或 json / table or json")] = "table",
    check: Annotated[bool, typer.Option("--check", help="重放并核对日志 / replay and check the log")] = False,
) -> int:
    """判读进度 / How far the review is; with --check whether its log is whole."""
    if form not in ("table", "json"):
        raise UsageError(f"--format: {form}: 应为 table 或 json / should be table or json")
    with _store(out, of_round) as store:
        told: dict[str, Any] = {"round": store.round_id, "state": store.state, "head": store.head(), **store.progress()}
        problems = store.check() if check else []
    if form == "json":
        print(json.dumps({**told, **({"problems": problems} if check else {})}, ensure_ascii=False, sort_keys=True))
    else:
        print(f"{told['round']}  {told['state']}  {told['head'][:16]}")
        titles = {"first": "初判 / first", "second": "复判 / second", "adjudication": "裁决 / adjudication"}
        for reading, title in titles.items():
            print(f"{title}: {told[reading]['decided']:,} / {told[reading]['total']:,}")
        print(f"未决 / open readings: {told['left']:,}")
    if problems:
        raise RunFailed(problems[0] if len(problems) == 1 else "\n".join(problems))
    if check and form == "table":
        print("日志完整，与现状一致 / the log is whole and agrees with what stands")
    return 0


@_users.command("add")
def add(
    out: Out, name: Name, roles: Roles, qualified_until: Until = None, by: By = None, of_round: OfRound = None
) -> int:
    """新增账号，口令只显示一次 / Adds an account; its secret is printed once and kept nowhere."""
    with _store(out, of_round or _being_judged(out)) as store:
        _print_secret(name, store.add_person(name, _split(roles), _by(by), qualified_until))
    return 0


@_users.command("copy")
def copy(
    out: Out,
    earlier: Annotated[str, typer.Option("--from", metavar="R", help="取自哪一轮 / the round to take them from")],
    by: By = None,
    of_round: OfRound = None,
) -> int:
    """沿用另一轮在用账号及其口令 / Takes over the active accounts of another round with their secrets."""
    with _store(out, of_round or _being_judged(out)) as store, _store(out, earlier) as source:
        for name in (taken := store.copy_people(source, _by(by))):
            print(name)
        print(f"{len(taken)} 个账号 / accounts: {source.round_id} → {store.round_id}")
    return 0


@_users.command("list")
def list_(out: Out, of_round: OfRound = None) -> int:
    """列出账号 / Lists the accounts."""
    with _store(out, of_round) as store:
        for person in store.people():
            state = "在用 / active" if person.active else "停用 / off"
            print(f"{person.name}  {','.join(person.roles)}  {state}  {person.qualified_until or '—'}")
    return 0


@_users.command("roles")
def roles_(
    out: Out, name: Name, roles: Roles, qualified_until: Until = None, by: By = None, of_round: OfRound = None
) -> int:
    """改角色或资格期限，并启用 / Sets roles and the end of the qualification; the account is active again."""
    with _store(out, of_round or _being_judged(out)) as store:
        store.set_roles(name, _split(roles), _by(by), qualified_until)
        print(f"{name}: {roles}")
    return 0


@_users.command("off")
def off(out: Out, name: Name, by: By = None, of_round: OfRound = None) -> int:
    """停用账号，已作判读保留 / Switches an account off; its decisions stand."""
    with _store(out, of_round or _being_judged(out)) as store:
        store.deactivate(name, _by(by))
        print(f"{name}: 已停用 / off")
    return 0


@_users.command("secret")
def secret(out: Out, name: Name, by: By = None, of_round: OfRound = None) -> int:
    """换新口令，只显示一次 / A new secret, printed once."""
    with _store(out, of_round or _being_judged(out)) as store:
        _print_secret(name, store.renew_secret(name, _by(by)))
    return 0


@contextmanager
def _store(out: Path, of_round: str | None, lease: int = 15) -> "Iterator[ReviewStore]":
    from review.store import ReviewStore
    from rounds.register import find_round

    output = Output(out)
    output.must_exist()
    store = ReviewStore.open(output, find_round(output, of_round), lease_seconds=60.0 * lease)
    try:
        yield store
    finally:
        store.shut()


def _being_judged(out: Path) -> str:
    """The one round that is being judged: what is served or changed without naming it. Raises UsageError."""
    from rounds.register import DRAWN, rounds_of

    output = Output(out)
    output.must_exist()
    rounds = rounds_of(output)
    judged = [one.id for one in rounds if one.state == DRAWN]
    if len(judged) == 1:
        return judged[0]
    listed = "、".join(f"{one.id} {one.state}" for one in rounds) or "—"
    raise UsageError(
        f"{out}: 审核中的轮次有 {len(judged)} 个，请用 --round 指明，或先抽取（corpus-audit round draw）；现有 / {len(judged)} rounds are being "
        f"judged: name one with --round, or draw one first (corpus-audit round draw); there are: {listed}"
    )


def _print_secret(name: str, new: str) -> None:
    print(f"{name}: {new}\n口令只显示这一次，请当面交给本人 / shown only now: hand it to its owner in person")


def _split(roles: str) -> list[str]:
    return [role.strip() for role in roles.split(",") if role.strip()]


def _by(name: str | None) -> str:
    try:
        return name.strip() if name and name.strip() else getpass.getuser()
    except (OSError, KeyError):
        raise UsageError("--by: 请给出经办人 / say who does it") from None
