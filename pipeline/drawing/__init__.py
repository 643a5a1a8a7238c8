"""The two samples: ranked, cut, drawn."""
