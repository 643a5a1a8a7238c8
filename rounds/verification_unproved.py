"""What clean checks of assessment rounds leave open: of every round, and of these ones."""

from collections.abc import Iterable, Iterator, Sequence

from blacklist.lifts import by_file_alone
from blacklist.log import EVENTS
from pipeline.store.output import Output
from rounds.criteria import criteria_version
from rounds.public_values import same_names
from rounds.redrawing import run_of
from rounds.register import Round
from rounds.verification_review import gone
from schemas.chain import read_chain
from schemas.known_answers import load_known_answers

OF_ROUNDS = (
    "评估轮次的公开值在冻结总体时是否确实未知：登记簿只载本机时间，须由公布者与存证方核实 / whether the public value of a round was unknown when "
    "its frame was frozen: the register has this machine's clock; ask who published it and who keeps the digests",
    "判定是否出于本人、是否如实：只核对流程、一致性与已知答案 / whether people judged themselves, and honestly: only procedure, agreement and "
    "known answers are checked",
    "审核日志退回到较早副本后重新判读，而其间没有发布运行者，此处不可见 / a review that was taken back to an older copy of it and judged anew, where "
    "no run was published in between",
)
OF_OUTPUTS = (
    "登记簿末尾整体删去且此后没有发布运行者，此处不可见 / a register whose end was cut off before any later run was published",
    "同一语料是否另有输出目录，其中有未通过的轮次或列入黑名单的来源：新建或另拷的目录从空的登记簿与名单开始，此处不可见 / whether the same corpus has other "
    "output folders with failed rounds or listed sources: a new one begins with an empty register and an empty list, and says "
    "nothing of others; ask for all of them",
)


def unproved(output: Output, rounds: Sequence[Round]) -> list[str]:
    """All lines, the general ones first."""
    lifted = _domains(output)
    if not rounds:
        return [*OF_OUTPUTS, *lifted]
    return [
        *OF_ROUNDS,
        *OF_OUTPUTS,
        *gone(output, rounds),
        *_without_run(output, rounds),
        *_others(rounds),
        *same_names(rounds),
        *lifted,
    ]


def _without_run(output: Output, rounds: Iterable[Round]) -> Iterator[str]:
    """Of rounds that were given up: any other is missed without its run."""
    for one in rounds:
        if one.abandoned is not None and not run_of(output, one).folder.is_dir():
            yield f"{one.id}（已放弃）的总体与抽样：运行 {one.run_id} 不在此处 / frame and draw of {one.id}, which was given up: its run {one.run_id} is not here"


def _others(rounds: Iterable[Round]) -> Iterator[str]:
    """Rounds whose known answers or rules of judging are not those of this version: nothing tells what they were."""
    known, criteria = load_known_answers().sha256, criteria_version()
    for one in rounds:
        if one.drawn is not None and one.drawn.get("known_answers_sha256") != known:
            yield (
                f"{one.id} 的已知答案：不是此版本自带的文本，是否足以衡量判读者、是否由种子选出，无从核对 / known answers of {one.id}: not the texts this version "
                f"ships, so whether they measure anybody, and were chosen by the seed, is not checked: verify with the version that drew it"
            )
        if one.opened["criteria"] != criteria:
            yield (
                f"{one.id} 的判定标准 {one.opened['criteria']}：不是此版本自带的，其内容无从核对 / criteria of {one.id}: not those this version ships, "
                f"so what people were told to judge by is not checked: verify with the version that opened it"
            )


def _domains(output: Output) -> list[str]:
    """Domains that came off the blacklist by a file alone: no round samples a domain."""
    return [
        f"域名 {event['source_key']} 的解除是否成立：只凭一个文件（{told.get('file')}），没有盲审样本，须由人核对该文件 / whether the domain "
        f"{event['source_key']} was rightly lifted: it rests on a file alone ({told.get('file')}) and no blind sample; read that file"
        for event in by_file_alone(read_chain(output.blacklist / EVENTS)[0])
        for told in [event.get("evidence") or {}]
    ]
