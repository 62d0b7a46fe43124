"""How good title suggestions are, and where they are weak. Training side: imports scikit-learn, late."""

from ad_autocategorize.statistics.reliability import expected_calibration_error
from ad_autocategorize.titles.evaluation.holdout import (
    Evaluation,
    HeldOutAnswers,
    LevelReport,
    evaluate,
    hold_out,
    hold_out_changed,
)

__all__ = [
    "Evaluation",
    "HeldOutAnswers",
    "LevelReport",
    "evaluate",
    "expected_calibration_error",
    "hold_out",
    "hold_out_changed",
]
