"""The blacklist of corpus sources: the 5 % rule, the append-only log of decisions, and lists blocked by declaration."""
