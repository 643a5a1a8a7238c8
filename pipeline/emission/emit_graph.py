"""The Beam graph that writes an emitted corpus: bundles are independent of one another."""

import apache_beam as beam

from pipeline.emission.emit_files import EmitBundles, Job


class EmitFn(EmitBundles, beam.DoFn):  # type: ignore[misc]
    """The step as the engine runs it."""


def build(pipeline: beam.Pipeline, job: Job) -> None:
    """Wires the graph."""
    (
        pipeline
        | "Bundles" >> beam.Create(job.hands)
        | beam.Reshuffle()
        | "One by one" >> beam.FlatMap(list)
        | "Emit" >> beam.ParDo(EmitFn(job.folder, job.limits, job.masker))
    )
