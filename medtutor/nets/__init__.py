"""The networks that the lessons build."""

from medtutor.nets.residual import ResidualBlock, SmallResNet

__all__ = ["ResidualBlock", "SmallResNet"]
