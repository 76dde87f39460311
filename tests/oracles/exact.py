"""Kirchhoff's laws in rational numbers: exact whatever the conductances, for arrays of a few cells.

Each inner node is removed by the star-mesh transform, which puts y_a y_b / sum y between each two
of its neighbours. What remains between the terminals is the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import combinations

Node = tuple[str, int, int]


Link = tuple[Node, Node, Fraction]


def effective_conductance(
    g: Sequence[Sequence[float]], driver: float, row: float, col: float, sense: float
) -> list[list[Fraction]]:
    """W of one array of conductances in siemens; resistances in ohm, any of them zero."""
    links, _ = _network(g, driver, row, col, sense)
    near: dict[Node, dict[Node, Fraction]] = {}

    def link(a: Node, b: Node, siemens: Fraction) -> None:
        for one, other in ((a, b), (b, a)):
            near.setdefault(one, {})[other] = near.get(one, {}).get(other, Fraction(0)) + siemens

    for a, b, siemens in links:
        link(a, b, siemens)
    for node in [node for node in near if node[0] in ("word", "bit")]:
        star = near.pop(node)
        for neighbour in star:
            del near[neighbour][node]
        for (a, to_a), (b, to_b) in combinations(star.items(), 2):
            link(a, b, to_a * to_b / sum(star.values()))
    none: dict[Node, Fraction] = {}
    rows, cols = range(len(g)), range(len(g[0]))
    return [
        [near.get(("input", i, 0), none).get(("output", j, 0), Fraction(0)) for j in cols]
        for i in rows
    ]


def gradient(
    g: Sequence[Sequence[float]],
    weight: Sequence[Sequence[float]],
    driver: float,
    row: float,
    col: float,
    sense: float,
) -> list[list[Fraction]]:
    """d(sum weight W)/dG of an array without open devices.

    Minus the device voltages with an input driven, times those
    with an output driven; Gauss's elimination of the node voltages."""
    links, name = _network(g, driver, row, col, sense)
    rows, cols = range(len(g)), range(len(g[0]))
    terminals: list[Node] = [("input", i, 0) for i in rows] + [("output", j, 0) for j in cols]
    volts = {
        t: [Fraction(int(k == n)) for n in range(len(terminals))] for k, t in enumerate(terminals)
    }
    nodes = sorted({node for a, b, _ in links for node in (a, b)} - set(terminals))
    place = {node: k for k, node in enumerate(nodes)}
    table = [[Fraction(0)] * (len(nodes) + len(terminals)) for _ in nodes]
    for a, b, siemens in links:
        for one, other in ((a, b), (b, a)):
            if one in place:
                table[place[one]][place[one]] += siemens
                if other in place:
                    table[place[one]][place[other]] -= siemens
                else:
                    table[place[one]][len(nodes) + terminals.index(other)] += siemens
    for k in range(len(nodes)):
        table[k] = [x / table[k][k] for x in table[k]]
        for other in range(len(nodes)):
            if other != k and (factor := table[other][k]):
                table[other] = [x - factor * y for x, y in zip(table[other], table[k], strict=True)]
    volts |= {node: table[k][len(nodes) :] for node, k in place.items()}

    def device(i: int, j: int) -> Fraction:
        v = [
            x - y
            for x, y in zip(volts[name(("word", i, j))], volts[name(("bit", i, j))], strict=True)
        ]
        return -sum(Fraction(weight[a][b]) * v[a] * v[len(g) + b] for a in rows for b in cols)

    return [[device(i, j) for j in cols] for i in rows]


def _network(
    g: Sequence[Sequence[float]], driver: float, row: float, col: float, sense: float
) -> tuple[list[Link], Callable[[Node], Node]]:
    """All resistors as conductances between nodes, after zero resistances have joined some."""
    rows, cols = range(len(g)), range(len(g[0]))
    joined: dict[Node, Node] = {}
    links: list[Link] = []

    def find(node: Node) -> Node:
        return find(joined[node]) if node in joined else node

    def wire(outer: Node, inner: Node, ohm: float) -> None:
        if ohm == 0:
            joined[inner] = (
                outer  # a wire leads away from a terminal: its inner node is still by itself
            )
        else:
            links.append((outer, inner, 1 / Fraction(ohm)))

    for i in rows:
        for j in cols:
            wire(("word", i, j - 1) if j else ("input", i, 0), ("word", i, j), row if j else driver)
    for j in cols:
        for i in reversed(rows):
            last = i == len(g) - 1
            wire(
                ("output", j, 0) if last else ("bit", i + 1, j),
                ("bit", i, j),
                sense if last else col,
            )
    links += [
        (("word", i, j), ("bit", i, j), Fraction(g[i][j]))
        for i in rows
        for j in cols
        if g[i][j] > 0
    ]
    return [(find(a), find(b), siemens) for a, b, siemens in links], find
