import pickle

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import layers
from transforms.bucket import Bucket, code_share, kind_table
from transforms.text import TextBatch

CHINESE = "今天天气很好，我们去公园散步，看见许多花。"
TRADITIONAL = "臺灣的夏天很熱，我們喜歡去海邊游泳。"
ENGLISH = "The weather was fine and we went for a walk in the park, where many flowers were in bloom."
SHORT_ENGLISH = "Good morning everybody, nice to meet you"
JAPANESE = "今日は天気がいいので、公園を散歩して花を見ました。"
KOREAN = "오늘은 날씨가 좋아서 공원에서 산책을 했습니다."
FRENCH = "Aujourd'hui il fait beau et nous sommes allés nous promener dans le parc."
RUSSIAN = "Сегодня хорошая погода, и мы пошли гулять в парк."

PYTHON = '''import os

def total(values):
    """Return the sum of all values that are not None."""
    result = 0
    for value in values:
        if value is not None:  # skip the holes
            result += value
    return result

print(total([1, 2, None]), os.getcwd())
'''
CHINESE_PYTHON = """import os

def total(values):
    # 计算所有不为空的值的总和
    result = 0
    for value in values:
        if value is not None:  # 跳过空值
            result += value
    return result
"""
C = """/* A license header in plain English.
   You may use this file as you wish, and nobody will complain about it.
   It comes without any warranty, and the author is not liable for it. */
#include <stdio.h>

int main(void) {
    int i = 0;
    while (i < 3) {
        printf("%d\\n", i++);
    }
    return 0;
}
"""
HTML = """<html>
  <head>
    <title>Shoes</title>
  </head>
  <body>
    <div class="price">32</div>
  </body>
</html>
"""
CHINESE_BLOG = f"""# 如何求和

{CHINESE}下面是一个例子：

```python
{PYTHON}
```

## 说明

{CHINESE}
"""
ENGLISH_BLOG = CHINESE_BLOG.replace(CHINESE, ENGLISH).replace("如何求和", "How to add").replace("说明", "Notes")
TWEET = "I love my friends so much &#128514;&#128514;&#128514;\nso do you &#128514;"


def batch(*texts: str) -> TextBatch:
    return TextBatch(pa.record_batch([pa.array(texts, pa.large_string())], names=["text"]))


def rows(*texts: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = Bucket()(batch(*texts)).to_pylist()
    return found


@pytest.mark.parametrize(
    ("text", "language", "content_type", "bucket"),
    [
        (CHINESE, "zh", "text", "zh"),
        (TRADITIONAL, "zh", "text", "zh"),
        ("用 Apache Beam 处理数据的教程，适合初学者阅读", "zh", "text", "zh"),
        ("可爱の小猫咪今天又来我家吃饭了，它真的非常喜欢吃鱼，也喜欢晒太阳，我们都很喜欢它", "zh", "text", "zh"),
        (ENGLISH, "en", "text", "en"),
        (SHORT_ENGLISH, "en", "text", "en"),
        (f"{ENGLISH} 谢谢", "en", "text", "en"),
        (JAPANESE, "ja", "text", "other"),
        (KOREAN, "ko", "text", "other"),
        (FRENCH, "fr", "text", "other"),
        (RUSSIAN, "ru", "text", "other"),
        ("", "und", "text", "other"),
        (" \n\t\n", "und", "text", "other"),
        ("2024-01-01 12:00", "und", "text", "other"),
        ("\U0001f602\U0001f602", "und", "text", "other"),
        (PYTHON, "en", "code", "code"),
        (CHINESE_PYTHON, "zh", "code", "code"),
        (C, "en", "code", "code"),
        (CHINESE_BLOG, "zh", "text", "zh"),
        (ENGLISH_BLOG, "en", "text", "en"),
        (TWEET, "en", "text", "en"),
    ],
)
def test_a_document_gets_its_language_kind_and_bucket(text: str, language: str, content_type: str, bucket: str) -> None:
    (row,) = rows(text)
    assert (row["language"], row["content_type"], row["bucket"]) == (language, content_type, bucket)


def test_markup_is_code() -> None:
    assert rows(HTML)[0]["bucket"] == "code"


def test_sizes_are_bytes_of_utf8_and_code_points() -> None:
    assert [(row["bytes"], row["chars"]) for row in rows("", "中a\U0001f602")] == [(0, 0), (8, 3)]


def test_the_columns_are_those_of_the_base_layer() -> None:
    for texts in ([], ["", CHINESE]):
        records = Bucket()(batch(*texts))
        assert records.schema.names == list(layers.BUCKET_COLUMNS)
        assert all(records.schema.field(name).equals(layers.BASE.field(name)) for name in layers.BUCKET_COLUMNS)
        assert records.num_rows == len(texts)


ALL = [
    CHINESE,
    ENGLISH,
    SHORT_ENGLISH,
    JAPANESE,
    FRENCH,
    PYTHON,
    CHINESE_PYTHON,
    C,
    HTML,
    CHINESE_BLOG,
    TWEET,
    "",
    "\n",
    "{",
]
pieces = st.one_of(
    st.sampled_from(ALL),
    st.builds(lambda text, low, high: text[low:high], st.sampled_from(ALL), st.integers(0, 60), st.integers(0, 300)),
    st.text(alphabet=st.sampled_from('a{};=()/*"`#\n 中のé.'), max_size=60),
    st.builds(lambda text, times: text * times, st.sampled_from(ALL), st.integers(1, 150)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(pieces, min_size=1, max_size=10), st.integers(0, 10))
def test_what_is_found_does_not_depend_on_the_batch(texts: list[str], cut: int) -> None:
    whole = rows(*texts)
    assert whole == rows(*texts[:cut]) + rows(*texts[cut:])
    assert whole == [row for text in texts for row in rows(text)]


def test_a_line_is_not_continued_by_the_next_document() -> None:
    first, second = "x = [1];\ny = [2];\nre", "turn now to the next page of this book {}\nand read on"
    assert rows(first, second) == rows(first) + rows(second)
    codes = np.frombuffer(("a = b\nde" + "f (x): {").encode("utf-32-le"), dtype=np.uint32)
    kinds = kind_table()[codes]
    assert code_share(codes, kinds, np.array([0, 8, len(codes)]))[0] == code_share(
        codes[:8], kinds[:8], np.array([0, 8])
    )


@given(st.lists(pieces, max_size=6))
def test_code_share_is_a_share(texts: list[str]) -> None:
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), dtype=np.uint32)
    starts = np.cumsum([0, *map(len, texts)])
    share = code_share(codes, kind_table()[codes], starts)
    assert share.shape == (len(texts),)
    assert ((share >= 0) & (share <= 1)).all()


def test_a_stage_travels_before_and_after_use() -> None:
    stage = Bucket()
    before = pickle.loads(pickle.dumps(stage))(batch(FRENCH))
    assert before.equals(stage(batch(FRENCH)))
    assert before.equals(pickle.loads(pickle.dumps(stage))(batch(FRENCH)))


def test_the_fingerprint_is_stable() -> None:
    assert Bucket().fingerprint() == Bucket().fingerprint()
    assert len(Bucket().fingerprint()) == 64
