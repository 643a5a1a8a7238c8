"""The tables of the filing form and their charts: filled, held against each other, traced."""
