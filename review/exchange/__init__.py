"""Items of a round out to tools people already have, and their answers back: Excel, Label Studio, CSV, JSON Lines."""
