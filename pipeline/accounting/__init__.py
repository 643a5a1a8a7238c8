"""Counts and what follows from them: tallies, books, rates, tables of figures."""
