import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.readers.base import RECORDS
from schemas import layers
from transforms.provenance import Provenance, canonical_url, registrable_domain
from transforms.text import TextBatch


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        (None, None),
        ("", None),
        ("http://news.example.com.cn/a?b#c", "example.com.cn"),
        ("https://user:pass@WWW.Example.CO.UK:8080/", "example.co.uk"),
        ("news.example.com/path", "example.com"),
        ("http://example.com./", "example.com"),
        ("http://a.github.io/", "github.io"),
        ("http://例子.中国/", "例子.中国"),
        ("http://1.2.3.4:80/", "1.2.3.4"),
        ("http://[2001:db8::1]/", "2001:db8::1"),
        ("http://localhost/", None),
        ("http://./", None),
        ("http://[bad/", None),
        ("///path", None),
        ("not a url", None),
    ],
)
def test_the_registrable_domain_of_a_url(url: str | None, domain: str | None) -> None:
    assert registrable_domain(url) == domain


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.text(max_size=30), st.text(st.sampled_from("http:/.[]@a中xn--%\t"), max_size=30).map("http://".__add__)
    )
)
def test_no_url_breaks_the_stage_or_gives_an_empty_domain(url: str) -> None:
    assert registrable_domain(url) != ""


@pytest.mark.parametrize("url", ["http://a.example.com/", None])
def test_the_origin_of_a_record_is_carried_over(url: str | None) -> None:
    record = {"member": 3, "row": 7, "offset": None, "native_id": "x", "url": url, "text": "a", "user_hash": b"u" * 32}
    found = Provenance()(TextBatch(pa.RecordBatch.from_pylist([record], schema=RECORDS)))
    assert found.schema.names == list(layers.PROVENANCE_COLUMNS)
    domain = "example.com" if url else None
    assert found.to_pylist() == [{**{k: record[k] for k in found.schema.names if k != "domain"}, "domain": domain}]


@pytest.mark.parametrize(
    "url",
    [
        "//bad.com/3",
        "bad.com/4?u=http://x.org/",
        "bad.com:80/5",
        "http:/bad.com/9",
        "http:///bad.com/x",
        "http:\\\\bad.com\\8",
        "http://bad。com",
        "http://ｂａｄ.com/",
        "http://b%61d.com",
        "http://bad.com\u200b/",
        "HTTPS://User:pw@WWW.Bad.COM:8443/",
    ],
)
def test_a_domain_is_found_however_its_url_is_spelled(url: str) -> None:
    assert registrable_domain(url) == "bad.com"


def test_punycode_and_characters_are_one_domain() -> None:
    assert registrable_domain("https://xn--fsqu00a.xn--fiqs8s/") == registrable_domain("例子.中国") == "例子.中国"


@pytest.mark.parametrize("url", ["https://a.cn/x", "HTTP://A.CN/x/", "//a.cn:443/x#part", "a.cn/x"])
def test_spellings_of_one_page_are_one_url(url: str) -> None:
    assert canonical_url(url) == "a.cn/x"
