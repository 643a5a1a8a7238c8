"""What `verify` says of reports: everything extracted, built and computed again."""
