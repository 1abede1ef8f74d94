"""Training: schedules, the callback that applies them, and runs that survive a kill."""

from keras_neurovit.training.adapters import load_adapters, save_adapters
from keras_neurovit.training.batches import Diverged
from keras_neurovit.training.callbacks import WarmupCosineDecay
from keras_neurovit.training.compiling import compile_defaults
from keras_neurovit.training.finetune import finetune, read_history
from keras_neurovit.training.label_loss import LabelLoss
from keras_neurovit.training.layerwise import adamw, layerwise_adamw
from keras_neurovit.training.losses import LogVolumeLoss, PresentLoss, ShareLoss
from keras_neurovit.training.options import Options
from keras_neurovit.training.pretrain import METHODS, pretrain
from keras_neurovit.training.probe import probe
from keras_neurovit.training.schedules import warmup_anneal
from keras_neurovit.training.self_supervised import ContrastiveLoss, MaskedPatchLoss
from keras_neurovit.training.sharpness import SharpnessAwareAdamW
from keras_neurovit.training.strategy import choose_weights
from keras_neurovit.training.tasks_loss import TasksLoss
from keras_neurovit.training.trackers import tracker

__all__ = [
    "METHODS",
    "ContrastiveLoss",
    "Diverged",
    "LabelLoss",
    "LogVolumeLoss",
    "MaskedPatchLoss",
    "Options",
    "PresentLoss",
    "ShareLoss",
    "SharpnessAwareAdamW",
    "TasksLoss",
    "WarmupCosineDecay",
    "adamw",
    "choose_weights",
    "compile_defaults",
    "finetune",
    "layerwise_adamw",
    "load_adapters",
    "pretrain",
    "probe",
    "read_history",
    "save_adapters",
    "tracker",
    "warmup_anneal",
]
