"""The audit as a program: configuration, plan, scan, decisions, samples, store, publication and command line."""

__version__ = "0.1.0"
