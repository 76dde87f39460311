"""Functions and holders built anew around other modules."""

import functools
import weakref
from collections import Counter
from typing import Any

import torch
from torch import nn

from wordline.nn.copying.deep_copy import deep_copy
from wordline.nn.copying.rewriter import Rewriter


class Network(nn.Module):
    """Calls its layer by a function, with a scale that may be None, and counts the calls."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        scale, calls = None, 0

        def call(x: torch.Tensor) -> torch.Tensor:
            nonlocal calls
            calls += 1
            return self.layer(x) if scale is None else scale * self.layer(x)

        self.call, self.count = call, lambda: (calls, self.layer)


def test_closures_of_a_copy_keep_what_is_none_and_share_variables() -> None:
    network: Any = Network()
    copied, x = deep_copy(network), torch.ones(1, 2)
    assert torch.equal(copied.call(x), network.call(x))
    copied.call(x)
    assert copied.count() == (2, copied.layer) and network.count() == (1, network.layer)


def test_a_tuple_in_a_ring_leads_to_the_new_module() -> None:
    network: Any = nn.Module()
    old, new, ring = nn.ReLU(), nn.Tanh(), []
    ring.append((old, ring))
    network.ring, network.none = ring, functools.partial(print, old)
    Rewriter({id(old): new}).rewrite(network)
    ((layer, inner),) = network.ring
    assert layer is new and inner is ring is network.ring and network.none.args == (new,)


def test_holders_without_a_replaced_module_stay_as_they_are() -> None:
    network: Any = nn.Module()
    network.count, network.pair = Counter("aab"), ("x", 1)
    network.dead = weakref.ref(nn.ReLU())
    before = dict(vars(network))
    Rewriter({id(nn.Tanh()): nn.Tanh()}).rewrite(network)
    assert all(vars(network)[name] is value for name, value in before.items())
