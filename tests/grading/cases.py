"""Cases for the tests of the judge, in a module whose asserts pytest leaves as they are."""

import numpy as np
import torch
from torch import nn


def network():
    def builds(Net):
        net = Net(4)
        assert isinstance(net, nn.Module) and issubclass(Net, nn.Module), "A module."
        assert sum(p.numel() for p in net.parameters()) == 10, "Ten numbers."
        assert net(torch.zeros(3, 4)).shape == (3, 2), "Two outputs."

    def learns(Net):
        """Gradients reach input and parameters."""
        torch.manual_seed(1)
        net = Net(4)
        x = torch.ones(1, 4, requires_grad=True)
        net(x).sum().backward()
        assert x.grad is not None and x.grad.shape == x.shape, "A gradient at the input."
        before = net(x).sum().item()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        optimizer.step()
        assert net(x).sum().item() < before, "A step downhill lowers the output."

    def same_weights(Net):
        """Equal outputs on equal weights."""
        net, ours = Net(4), nn.Linear(4, 2)
        net.load_state_dict({f"layer.{key}": value for key, value in ours.state_dict().items()})
        x = torch.randn(5, 4)
        assert torch.allclose(net(x), ours(x)), "Equal weights, equal outputs."
        net.eval()
        assert net.training is False, "It can be put to evaluation."
        for parameter in net.parameters():
            parameter.data.fill_(0.0)
        assert torch.equal(net(x), torch.zeros(5, 2)), "Weights of zero give zero."
        assert isinstance(net.layer, nn.Linear), "One linear layer."

    return [builds], [learns, same_weights]


def lent():
    def uses(apply):
        assert apply(lambda x: x + 1, 3) == 5, "Twice."
        net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        with torch.no_grad():
            net[0].weight.zero_(), net[0].bias.fill_(1.0)
        assert torch.equal(apply(net, torch.zeros(1, 2)), torch.ones(1, 2)), "A network is a function."
        generator = np.random.default_rng(3)
        apply(lambda x: x + generator.integers(1), 3)
        counts = {"calls": 0}
        apply(lambda x: counts.update(calls=counts["calls"] + 1) or x, 1)
        assert counts["calls"] == 2, "It is called twice."

    return [uses], [lambda apply: None]


def stack():
    def works(Stack):
        stack = Stack()
        stack.push(1)
        stack.push("b")
        assert len(stack) == 2 and stack.pop() == "b" and list(stack) == [1], "Last in, first out."
        try:
            Stack().pop()
        except IndexError:
            pass
        else:
            raise AssertionError("An empty stack raises IndexError.")
        assert Stack() + Stack() == Stack(), "Two empty ones are empty."
        assert isinstance(stack, Stack) and not isinstance(3, Stack) and bool(stack), "It is one."

    return [works], [lambda Stack: None]


def draws(noise):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(noise(3), expected), "torch.rand, three of them."
    np.random.seed(2)
    generator, twin = np.random.default_rng(4), np.random.default_rng(4)
    assert noise(generator) == twin.random(), "The generator that is given."
    assert generator.random() == twin.random(), "It moves on."


def echoes(three):
    """Case."""
    found = three(1)
    assert found == 3, f"Expected 3, got {found!r} instead."
