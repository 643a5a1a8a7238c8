"""The evidence bundle: a report in one file that a third party checks without the corpus."""
