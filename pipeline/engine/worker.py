"""`corpus-audit-worker`: a worker process as engines start it on the machines of a cluster (docs/flink.md).

Flink's TaskManagers run it for `--environment_type=PROCESS`, with an id and the address at which they tell the rest; it
ends with its TaskManager. Code and rules come with the installed package, models and libraries with the run.
"""

import argparse
import sys
from typing import NoReturn

_SECONDS = 60  # for the TaskManager to answer


def main() -> NoReturn:
    """Works for the engine that started it until that lets go."""
    parser = argparse.ArgumentParser(prog="corpus-audit-worker", description=__doc__)
    parser.add_argument("--id", required=True, help="given by the engine")
    parser.add_argument("--provision_endpoint", required=True, help="given by the engine: HOST:PORT")
    given, _ = parser.parse_known_args()  # engines add more, of which nothing is needed here
    from pipeline.engine.execution import quiet_logging

    quiet_logging()
    import grpc
    from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc
    from apache_beam.runners.worker.sdk_worker import SdkHarness
    from apache_beam.runners.worker.worker_id_interceptor import WorkerIdInterceptor

    with grpc.insecure_channel(given.provision_endpoint) as channel:
        told = grpc.intercept_channel(channel, WorkerIdInterceptor(given.id))
        service = beam_provision_api_pb2_grpc.ProvisionServiceStub(told)
        info = service.GetProvisionInfo(beam_provision_api_pb2.GetProvisionInfoRequest(), timeout=_SECONDS).info
    SdkHarness(
        info.control_endpoint.url,
        worker_id=given.id,
        state_cache_size=0,
        data_buffer_time_limit_ms=0,
        runner_capabilities=frozenset(info.runner_capabilities),
    ).run()
    sys.exit(0)


if __name__ == "__main__":
    main()
