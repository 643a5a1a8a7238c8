"""The bundled demo corpus: written by the project, synthetic, small, and made again with `python -m demo.make`."""

from pathlib import Path

CONFIG = Path(__file__).parent / "config.yaml"
"""The configuration `corpus-audit demo` runs."""
