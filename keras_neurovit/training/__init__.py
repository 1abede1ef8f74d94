"""Training: schedules, the callback that applies them, and runs that survive a kill."""

from keras_neurovit.training.callbacks import WarmupCosineDecay
from keras_neurovit.training.compiling import compile_defaults
from keras_neurovit.training.finetune import finetune, read_history
from keras_neurovit.training.losses import LogVolumeLoss, ShareLoss
from keras_neurovit.training.probe import probe
from keras_neurovit.training.schedules import warmup_anneal

__all__ = [
    "LogVolumeLoss",
    "ShareLoss",
    "WarmupCosineDecay",
    "compile_defaults",
    "finetune",
    "probe",
    "read_history",
    "warmup_anneal",
]
