"""Scorers that confirm what the first-line classifier nominates: an ONNX model on this machine, or a guard model behind an endpoint."""

from schemas.scorers import ConfirmSettings, OnnxSettings
from transforms.scorers.base import Answer, Scorer, ScorerError

__all__ = ["Answer", "Scorer", "ScorerError", "make_scorer"]


def make_scorer(settings: ConfirmSettings) -> Scorer:
    """The scorer the configuration asks for, checked as far as that is possible without asking anybody.

    Raises ScorerError.
    """
    scorer: Scorer
    if isinstance(settings, OnnxSettings):
        from transforms.scorers.onnx import OnnxClassifier

        scorer = OnnxClassifier(settings)
    else:
        from transforms.scorers.endpoint import Endpoint
        from transforms.scorers.prompt import load_prompt

        scorer = Endpoint(settings, load_prompt(settings.prompt))
    scorer.check()
    return scorer
