"""The commands of the command line, and what people read on it."""
