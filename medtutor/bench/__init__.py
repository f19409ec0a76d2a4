"""The comparisons that the README quotes."""

from medtutor.bench.resnet18 import reference
from medtutor.bench.small import classification
from medtutor.bench.table import table

__all__ = ["classification", "reference", "table"]
