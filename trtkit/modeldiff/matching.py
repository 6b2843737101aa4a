"""Which layer of one model is which of the other.

Each scope (the main graph, a function, a subgraph of two layers that belong together) is matched by itself, by one rule
after the other, and each of them sees only the layers that are left over:

    name        the name, or of a layer without one the name of its first output, where it is the only one on both
                sides, and no program numbered it (`trtkit.modeldiff.names`)
    origin      the ONNX nodes that an engine's layer was made from
    place       everything upstream and downstream is the same (`trtkit.modeldiff.signatures`), then either of the two
                alone; before that, a numbered name counts as `name` where one of the two is the same
    neighbour   it has the same type and reads the same output of layers that belong together, at the same place
    order       it has the same type and stands in the same order between layers that belong together

Names that are left count as `name` at the end: numbered ones, and those of outputs of layers of another type. Rules
compare by hashing, and `order` is cut off, so all of it takes time in proportion to the number of layers. No rule says
that two layers are equal: that is found by comparing them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator

from trtkit.modeldiff.alignment import align, gaps, uncrossed
from trtkit.modeldiff.graph import Graph, Scope
from trtkit.modeldiff.names import bare_name, is_generated, own_name
from trtkit.modeldiff.signatures import Signatures, plain_label, rich_label, signatures

__all__ = ["Matches", "match"]

Matches = dict[int, tuple[int, str]]
"""Number of a layer of the first model to that of its counterpart and the rule that found it."""

Key = Callable[[int], Hashable]
"""What a rule compares, of the number of a layer; None where it does not apply."""


def match(a: Graph, b: Graph) -> Matches:
    """The layers of two models that belong together, each at most once."""
    found: Matches = {}
    roots_a, roots_b = a.roots(), b.roots()
    scopes = deque((scope, roots_b[name]) for name, scope in roots_a.items() if name in roots_b)
    while scopes:
        scope_a, scope_b = scopes.popleft()
        work = _Scopes(_Side(a, scope_a), _Side(b, scope_b))
        work.run()
        found.update(work.found)
        for number, (other, _) in work.found.items():
            inner = b.inner.get(other, {})
            scopes += [(scope, inner[word]) for word, scope in a.inner.get(number, {}).items() if word in inner]
    return found


class _Side:
    """One of the two scopes.

    Attributes:
        graph: the model.
        scope: the scope.
        matched: its layers that have a counterpart, with that.
        names: the names of its layers, and whether a program numbered them.
    """

    def __init__(self, graph: Graph, scope: Scope) -> None:
        self.graph, self.scope = graph, scope
        self.matched: dict[int, int] = {}
        self.names = {n: (own_name(graph.layers[n]), is_generated(graph.layers[n])) for n in scope.members}

    def rest(self) -> list[int]:
        """The layers without counterpart."""
        return [number for number in self.scope.members if number not in self.matched]

    def given(self, number: int) -> str | None:
        """The name of a layer or its output; None where it was numbered."""
        name, generated = self.names[number]
        return None if generated else name

    def said(self, number: int) -> str | None:
        """The layer's own name; None where it has none, or was numbered."""
        return self.given(number) if bare_name(self.graph.layers[number].name) else None

    def typed(self, number: int) -> Hashable:
        """Name and type of a layer; None where it has no name."""
        name = self.names[number][0]
        return (name, self.graph.layers[number].type) if name else None

    def groups(self, key: Key) -> dict[Hashable, list[int]]:
        """The layers without counterpart, by their keys."""
        found: dict[Hashable, list[int]] = {}
        for number in self.rest():
            word = key(number)
            if word is not None:
                found.setdefault(word, []).append(number)
        return found


class _Scopes:
    """Two scopes that belong together, while their layers are matched.

    Attributes:
        found: what belongs together so far.
    """

    def __init__(self, a: _Side, b: _Side) -> None:
        self.a, self.b = a, b
        self.found: Matches = {}

    def run(self) -> None:
        """Apply the rules in their order."""
        self._by_name()
        for rule in (self._by_place, self._by_neighbour, self._by_order):
            if len(self.found) < min(len(self.a.scope.members), len(self.b.scope.members)):
                rule()
        self._same("name", self.a.typed, self.b.typed)
        self._same("name", self.a.given, self.b.given)

    def _take(self, a: int, b: int, rule: str) -> None:
        self.found[a] = (b, rule)
        self.a.matched[a], self.b.matched[b] = b, a

    def _same(self, rule: str, key_a: Key, key_b: Key, in_order: bool = False) -> None:
        """Match where a key stands for one layer on both sides, or `in_order` for as many, which keep their order."""
        others = self.b.groups(key_b)
        for key, members in self.a.groups(key_a).items():
            found = others.get(key, [])
            if len(members) == len(found) and (in_order or len(found) == 1):
                for number, other in zip(members, found, strict=True):
                    self._take(number, other, rule)

    def _by_name(self) -> None:
        a, b = self.a, self.b
        self._same("name", _with(a.given, _outputs(a)), _with(b.given, _outputs(b)))
        self._same("name", _with(a.given, a.typed), _with(b.given, b.typed))
        self._same("name", a.said, b.said)
        self._same("origin", _origin(a), _origin(b))

    def _by_place(self) -> None:
        one, other = self.a.graph, self.b.graph
        shared = (one.inputs.keys() & other.inputs.keys()) | (one.outputs & other.outputs)
        plain, rich = (
            [signatures(side.graph, side.scope, label, shared) for side in (self.a, self.b)]
            for label in (plain_label, rich_label)
        )
        for each in (_both, _down, _up):
            self._same("name", _with(self.a.typed, each(plain[0])), _with(self.b.typed, each(plain[1])))
        for each in (_both, _down, _up):
            for kind in (rich, plain):
                self._same("place", each(kind[0]), each(kind[1]), in_order=True)

    def _by_neighbour(self) -> None:
        """Go through what is left of the first side in its order, so that one match leads to the next."""
        readers: dict[Hashable, deque[int]] = {}
        for number in self.b.rest():
            for key in _reads(self.b, number, lambda maker: maker):
                readers.setdefault(key, deque()).append(number)
        for number in self.a.rest():
            for key in _reads(self.a, number, self.a.matched.get):
                queue = readers.get(key, deque())
                while queue and queue[0] in self.b.matched:
                    queue.popleft()
                if queue:
                    self._take(number, queue.popleft(), "neighbour")
                    break

    def _by_order(self) -> None:
        members_a, members_b = self.a.scope.members, self.b.scope.members
        place_b = {number: place for place, number in enumerate(members_b)}
        for label in (rich_label, plain_label):
            matched = self.a.matched
            pairs = [(place, place_b[matched[n]]) for place, n in enumerate(members_a) if n in matched]
            for gap_a, gap_b in gaps(uncrossed(pairs), (len(members_a), len(members_b))):
                rest_a = [n for n in members_a[gap_a.start : gap_a.stop] if n not in self.a.matched]
                rest_b = [n for n in members_b[gap_b.start : gap_b.stop] if n not in self.b.matched]
                labels = [label(self.a.graph, n) for n in rest_a], [label(self.b.graph, n) for n in rest_b]
                for first, second in align(*labels):
                    self._take(rest_a[first], rest_b[second], "order")


def _both(found: Signatures) -> Key:
    return lambda number: (found.up[number], found.down[number])


def _down(found: Signatures) -> Key:
    return lambda number: found.down[number]


def _up(found: Signatures) -> Key:
    return lambda number: found.up[number]


def _with(first: Key, second: Key) -> Key:
    """Two keys as one; None where one of them is."""

    def key(number: int) -> Hashable:
        words = first(number), second(number)
        return None if None in words else words

    return key


def _outputs(side: _Side) -> Key:
    """The names of a layer's outputs, and its type."""

    def key(number: int) -> Hashable:
        layer = side.graph.layers[number]
        return (layer.type, *(spec and spec.name for spec in layer.outputs))

    return key


def _origin(side: _Side) -> Key:
    """The ONNX nodes that a layer was made from, and its type; None where they are not known."""

    def key(number: int) -> Hashable:
        layer = side.graph.layers[number]
        return (layer.type, *sorted(layer.origin)) if layer.origin else None

    return key


def _reads(side: _Side, number: int, counterpart: Callable[[int], int | None]) -> Iterator[Hashable]:
    """What a layer reads of layers in its scope, in terms of the second side: first with its name, then without."""
    layer = side.graph.layers[number]
    found = []
    for place, spec in enumerate(layer.inputs):
        source = side.scope.producers.get(spec.name) if spec is not None else None
        maker = counterpart(source[0]) if source is not None else None
        if source is not None and maker is not None:
            found.append((layer.type, place, maker, source[1]))
    yield from ((*key, side.names[number][0]) for key in found)
    yield from found
