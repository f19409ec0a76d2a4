"""Training: loop, schedule, checkpoint and device, a small file each, and the recipe that sets the defaults."""

from medtutor.training.batches import loss_for, probabilities, scale
from medtutor.training.device import pick_device, pick_precision
from medtutor.training.loop import History, fit, predict
from medtutor.training.recipe import Recipe, recipe_for
from medtutor.training.schedule import one_cycle

__all__ = [
    "History",
    "Recipe",
    "fit",
    "loss_for",
    "one_cycle",
    "pick_device",
    "pick_precision",
    "predict",
    "probabilities",
    "recipe_for",
    "scale",
]
