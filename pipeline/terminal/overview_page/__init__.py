"""The overview of a run as one HTML file that people look at: no script, no network, nothing beside it."""

from pipeline.terminal.overview_page.page import write as write

__all__ = ["write"]
