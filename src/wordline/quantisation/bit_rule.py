"""The rule that gives fewer bits to layers that carry more of an attack."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import final

from ..records import BitAssignment, NoiseSensitivity
from ..records.bit_assignment import require_bits
from ..values import Value, require_instance, require_number


@final
@dataclass(frozen=True)
class BitRule(Value):
    """A rule from ANS to bits, within a budget; ours, for that of arXiv 2004.11233 is not public.

    Every layer starts with the largest of `choices`. While the mean is above `mean_bits`, the layer
    with the largest ANS * bits goes down to the next choice. Ties go to the layer with more bits,
    then to the one with more ANS, then to the first. This levels ANS * bits, so that bits fall as
    1 / ANS as far as choices and budget allow. A scale common to all ANS drops out, and no layer
    gets more bits than one with less ANS.

    `ends`: bits of the first and of the last layer, which neither take part in the rule nor count
    in the mean; 0: they are layers like any other. Networks of few bits commonly spare them
    (DoReFa-Net, arXiv 1606.06160): the inputs of the first one are the pixels, so that fewer than 8
    bits there would be pixel discretisation under another name, and the outputs of the last one are
    the logits.

    >>> rule = BitRule(choices=(2, 4, 8), mean_bits=4, ends=0)
    >>> rule.bits((("a", 0.1), ("b", 0.8)))
    (('a', 4), ('b', 2))
    >>> BitRule(mean_bits=5, ends=8).bits((("a", 9.0), ("b", 0.1), ("c", 0.4), ("d", 9.0)))
    (('a', 8), ('b', 8), ('c', 2), ('d', 8))
    """

    choices: tuple[int, ...] = (2, 4, 6, 8)
    mean_bits: float = 5.0
    ends: int = 8

    def __post_init__(self) -> None:
        if not isinstance(self.choices, tuple) or not self.choices:
            raise TypeError(
                f"`choices` must be a tuple of bits such as (2, 4, 8), got {self.choices!r}"
            )
        for bits in self.choices:
            require_bits("choices", bits, at_least=2)
        if list(self.choices) != sorted(set(self.choices)):
            raise ValueError(f"`choices` must increase, got {self.choices}")
        require_number("mean_bits", self.mean_bits, at_least=min(self.choices))
        require_bits("ends", self.ends, at_least=0)
        if self.ends == 1:
            raise ValueError(
                "`ends` must be at least 2, or 0 for no exception, got 1; "
                "one bit holds no sign and zero"
            )

    def bits(self, sensitivity: tuple[tuple[str, float], ...]) -> tuple[tuple[str, int], ...]:
        """Turn (name, ANS) of every layer, in order, into (name, bits)."""
        ends = {0, len(sensitivity) - 1} if self.ends else set()
        bits = {n: self.choices[-1] for n in range(len(sensitivity)) if n not in ends}
        while bits and fmean(bits.values()) > self.mean_bits:
            reducible = [n for n, count in bits.items() if count > self.choices[0]]
            if not reducible:
                break  # a mean of equal numbers may round above them
            ans = {n: sensitivity[n][1] for n in reducible}
            n = max(reducible, key=lambda n: (ans[n] * bits[n], bits[n], ans[n], -n))
            bits[n] = self.choices[self.choices.index(bits[n]) - 1]
        return tuple((name, bits.get(n, self.ends)) for n, (name, _) in enumerate(sensitivity))


def assign_bits(sensitivity: NoiseSensitivity, rule: BitRule = BitRule()) -> BitAssignment:
    """Assign bits by a rule to layers of these sensitivities; see `BitRule`."""
    require_instance("sensitivity", sensitivity, NoiseSensitivity)
    require_instance("rule", rule, BitRule)
    return BitAssignment(rule.bits(sensitivity.layers), sensitivity, rule)
