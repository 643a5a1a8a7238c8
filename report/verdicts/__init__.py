"""The rules of the clauses as data, what they conclude, and what is still to be done."""
