"""Imported by Python at its start where this folder is on PYTHONPATH: arms the trap in worker processes."""

from tests.kill_trap import arm_from_environment

arm_from_environment()
