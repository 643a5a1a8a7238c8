"""Reading YAML strictly: a key given twice is an error, and every problem of a file is reported, not the first."""

from collections.abc import Iterable
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails


class DocumentError(ValueError):
    """One or more problems of a document; `problems` holds one line each: place, what is wrong, what to do."""

    def __init__(self, file: str, problems: Iterable[str]) -> None:
        self.file = file
        self.problems = list(problems)
        super().__init__("\n".join(f"{file}: {problem}" for problem in self.problems))


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses repeated keys instead of keeping the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str | int | float | bool) and key in seen:
                raise yaml.MarkedYAMLError(problem=f"key {key!r} is given twice", problem_mark=key_node.start_mark)
            if isinstance(key, str | int | float | bool):
                seen.add(key)
        return super().construct_mapping(node, deep)


def parse_yaml(text: str, file: str) -> tuple[Any, yaml.Node | None]:
    """The document and its node tree (for line numbers). Raises DocumentError where it is not YAML."""
    try:
        return yaml.load(text, _StrictLoader), yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = (
            f"第 {mark.line + 1} 行第 {mark.column + 1} 列 / line {mark.line + 1}, column {mark.column + 1}: "
            if mark
            else ""
        )
        raise DocumentError(file, [f"{place}不是合法的 YAML / not valid YAML: {error.problem}"]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date such as 2026-13-01
        raise DocumentError(file, [f"不是合法的 YAML / not valid YAML: {error}"]) from None


def line_of(root: yaml.Node | None, path: tuple[int | str, ...]) -> int | None:
    """The 1-based line of the deepest part of `path` that the document has."""
    node, line = root, None
    for part in path:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    node, line = value, key.start_mark.line + 1
                    break
            else:
                break
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line


_REMEDIES = {
    "extra_forbidden": "未知的键，请删除或改正拼写 / unknown key: remove it or correct its spelling",
    "missing": "缺少必填项 / required, but missing",
    "string_type": "应为字符串，请加引号 / should be a string: put it in quotes",
    "literal_error": "取值不在允许范围 / not one of the allowed values: {expected}",
    "string_pattern_mismatch": "格式不符 / does not match {pattern}",
    "list_type": "应为列表 / should be a list",
    "int_type": "应为整数 / should be a whole number",
    "model_type": "应为映射（键: 值） / should be a mapping",
    "dict_type": "应为映射（键: 值） / should be a mapping",
}


def validation_problems(
    error: ValidationError, root: yaml.Node | None, prefix: tuple[int | str, ...] = ()
) -> list[str]:
    """Each problem pydantic found as one line: line number, key, what is wrong and what to do."""
    problems = []
    for item in error.errors(include_url=False):
        path = prefix + tuple(part for part in item["loc"] if not (isinstance(part, str) and "[" in part))
        key = (
            "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".") or "(top level)"
        )
        line = line_of(root, path)
        place = f"第 {line} 行 / line {line}: " if line else ""
        problems.append(f"{place}{key}: {told(item)}")
    return problems


def told(item: ErrorDetails) -> str:
    """One problem pydantic found: what is wrong and what to do, without its place."""
    remedy = _REMEDIES.get(item["type"])
    return remedy.format(**item.get("ctx", {})) if remedy else item["msg"].removeprefix("Value error, ")
