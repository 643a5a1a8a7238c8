"""A worker process of the local engine: Beam's own, but it follows its run from its first moment on.

A run killed while its workers still load Beam would otherwise leave them waiting a minute for somebody to answer. What
lies in the folder a run is started from is not imported, so a folder there may be called `pipeline`.
"""

import shlex
import sys

from pipeline.processes import follow


def command() -> str:
    """The line for the shell that starts one."""
    return shlex.join(["exec", sys.executable, "-P", "-m", __name__])


if __name__ == "__main__":
    follow()
    from apache_beam.runners.worker.sdk_worker_main import main

    main(sys.argv)
