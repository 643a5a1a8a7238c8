"""What requests to the review may say; anything else in them is refused."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _whole(text: str) -> str:
    """JSON can spell halves of characters, which no file can hold."""
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("half a character")
    return text


Item = Annotated[int, Field(ge=1, le=2**53)]
Short = Annotated[str, Field(max_length=256), AfterValidator(_whole)]
Few = Annotated[list[Short], Field(max_length=64)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Nothing(_Body):
    """A request that says nothing but what it is."""


class Login(_Body):
    """Name and secret."""

    name: Short
    secret: Short


class Next(_Body):
    """The reading somebody wants an item for."""

    reading: Short


class Held(_Body):
    """An item somebody holds."""

    item_no: Item
    reading: Short


class Decided(Held):
    """A judgement."""

    verdict: Short
    risks: Few = []
    personal: Few = []
    note: Annotated[str, Field(max_length=4000), AfterValidator(_whole)] = ""
    read_share: float
    seconds: float
    content_hash: Short


class Account(_Body):
    """What the lead does with an account: add | roles | off | secret."""

    action: Short
    name: Short
    roles: Few = []
    qualified_until: Short | None = None
