"""The evidence folder: what a report stands on, copied from run, round, chains and declarations, and opened in DuckDB."""
