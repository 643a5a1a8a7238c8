"""The values by name: what stands in a slot of a template."""

from collections.abc import Callable
from functools import cache, partial
from random import Random

from benchmarks.personal import numbers, online, people
from benchmarks.personal.vocabulary import DEVELOPMENT_WORDS, Vocabulary

Provider = Callable[[Random], str]


@cache
def providers(own: Vocabulary) -> dict[str, Provider]:
    """`TYPE` is a mixture of the forms of real life, `TYPE:form` one of them; words are drawn from `own`."""
    return {
        "CN_ID_CARD": numbers.id_card,
        "CN_ID_CARD:15": numbers.id_card_15,
        "CN_RESIDENCE_PERMIT": numbers.residence_permit,
        "CN_PERMANENT_RESIDENCE": numbers.permanent_residence_old,
        "CN_PERMANENT_RESIDENCE:new": numbers.permanent_residence_new,
        "CN_PASSPORT": numbers.passport,
        "CN_TRAVEL_PERMIT:exit": numbers.exit_permit,
        "CN_TRAVEL_PERMIT:home": numbers.home_permit,
        "CN_TRAVEL_PERMIT:taiwan": numbers.taiwan_permit,
        "CN_TRAVEL_PERMIT:compatriot": numbers.compatriot_permit,
        "CN_MILITARY_ID": numbers.military,
        "CN_DRIVING_LICENCE": numbers.driving_file,
        "CN_SOCIAL_SECURITY": numbers.social_security,
        "CN_MOBILE": numbers.mobile_any,
        "CN_MOBILE:plain": numbers.mobile,
        "CN_LANDLINE": numbers.landline,
        "CN_HOTLINE": numbers.hotline,
        "INTL_PHONE": numbers.international,
        "EMAIL": partial(online.email, own=own),
        "QQ": online.qq,
        "WECHAT": partial(online.wechat, own=own),
        "WECHAT:mobile": numbers.mobile,
        "ALIPAY:mobile": numbers.mobile,
        "ALIPAY:email": partial(online.email, own=own),
        "BANK_CARD": numbers.bank_card,
        "BANK_CARD:plain": numbers.union_card,
        "CRYPTO_WALLET": online.wallet,
        "CN_PLATE": numbers.plate,
        "IP_ADDRESS": online.ip,
        "IP_ADDRESS:v4": online.ipv4,
        "MAC_ADDRESS": online.mac,
        "IMEI": numbers.imei,
        "PERSON": partial(people.name, own=own),
        "CN_ADDRESS": partial(people.address, own=own),
        "BIRTH_DATE": people.birth_date,
        "PRECISE_LOCATION": people.coordinates,
        "PRECISE_LOCATION:json": people.coordinates_json,
        "TRACK": partial(people.track, own=own),
        "MEDICAL_RECORD": numbers.medical_record,
        "CN_USCC": numbers.uscc,
        "CREDENTIAL:password": partial(online.password, own=own),
        "CREDENTIAL:plain": partial(online.plain_password, own=own),
        "CREDENTIAL:key": online.api_key,
        "CREDENTIAL:jwt": online.jwt,
        "CREDENTIAL:block": online.private_key,
    }


TYPES = tuple(dict.fromkeys(key.partition(":")[0] for key in providers(DEVELOPMENT_WORDS)))
