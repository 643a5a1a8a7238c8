"""The rules, by kind of information."""

from functools import lru_cache

from pii.rule import Rule


@lru_cache(maxsize=1)
def all_rules() -> tuple[Rule, ...]:
    """All rules, in the order in which recognizers are asked."""
    from pii.rules import (
        births,
        contact,
        coordinates,
        credentials,
        driving,
        finance,
        form_names,
        identity,
        insurance,
        names,
        near_names,
        network,
        places,
        records,
    )

    documents = (identity, driving, insurance)
    reached = (finance, contact, network, records)
    people = (names, form_names, near_names, births, places, coordinates)
    modules = (*documents, *reached, *people, credentials)
    return tuple(rule for module in modules for rule in module.RULES)
