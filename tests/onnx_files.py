"""A small text classifier in real ONNX and real tokenizer files."""

import json
from pathlib import Path
from typing import Any

import numpy as np


def onnx_model(
    folder: Path,
    labels: Any,
    outputs: int = 2,
    activation: str = "softmax",
    name: str = "input_ids",
    tokens: Any = "tokens",
) -> Path:
    """A classifier that looks for token 3 (`坏`): a sum of one-hot embeddings, then a matrix. Real ONNX, real tokenizer."""
    from onnx import TensorProto, helper, numpy_helper, save
    from tokenizers import Regex, Tokenizer, pre_tokenizers
    from tokenizers.models import WordLevel

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {"[UNK]": 0, "[PAD]": 1, "好": 2, "坏": 3}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.save(str(folder / "tokenizer.json"))
    table = np.zeros((4, outputs), dtype=np.float32)
    table[3, 1:] = 4.0
    table[:, 0] = 1.0 if activation == "softmax" else -3.0
    nodes = [
        helper.make_node("Gather", ["table", name], ["rows"]),
        helper.make_node("ReduceMax", ["rows", "axes"], ["logits"], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", tokens])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", outputs])],
        [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array([1], dtype=np.int64), "axes")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    save(model, str(folder / "model.onnx"))
    (folder / "labels.json").write_text(json.dumps({"activation": activation, "labels": labels}))
    return folder


def onnx_labels(folder: Path, labels: Any, activation: str = "softmax") -> None:
    (folder / "labels.json").write_text(json.dumps({"activation": activation, "labels": labels}))
