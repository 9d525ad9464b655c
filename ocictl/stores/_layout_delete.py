"""Which content of a layout goes along when a document is deleted.

Nobody sweeps a layout later as registries are swept, so a deletion takes away what nothing else needs: the
document, what is about it, and what only these lead to. The rules are those of oras, but for two: a subject is
never taken away with what is about it, and what has a tag stays.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable

from ocictl.content import DOCUMENT_LIMIT, read_all
from ocictl.errors import ContentError, NotFoundError
from ocictl.lazy_dataclass import dataclass, field
from ocictl.model import media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import read_links
from ocictl.target import ReadOnlyTarget


@dataclass(slots=True)
class Graph:
    """The documents of a layout and how they hang together.

    Attributes:
        successors: of each document what it points to, the subject left out.
        holders: of all content the documents that point to it.
        referrers: of each subject what is about it.
        is_complete: every document could be read. If not, nobody knows what the others point to.
    """

    successors: dict[Digest, tuple[Descriptor, ...]] = field(default_factory=dict)
    holders: defaultdict[Digest, set[Digest]] = field(default_factory=lambda: defaultdict(set))
    referrers: defaultdict[Digest, list[Descriptor]] = field(default_factory=lambda: defaultdict(list))
    is_complete: bool = True

    @classmethod
    def read(cls, target: ReadOnlyTarget, entries: Iterable[Descriptor]) -> Graph:
        """Read every document that is listed or leads on from one that is.

        Args:
            target: the layout.
            entries: what it lists.

        Raises:
            StorageError: a document can't be read from the disk.
        """
        graph = cls()
        pending = deque(entries)
        while pending:
            descriptor = pending.popleft()
            if descriptor.digest in graph.successors:
                continue
            subject, successors = graph._links(target, descriptor)
            graph.successors[descriptor.digest] = successors
            if subject is not None:
                graph.referrers[subject.digest].append(descriptor)
            for successor in successors:
                graph.holders[successor.digest].add(descriptor.digest)
                if successor.media_type in media_types.MANIFEST_ENDPOINT_TYPES:
                    pending.append(successor)
        return graph

    def _links(
        self, target: ReadOnlyTarget, descriptor: Descriptor
    ) -> tuple[Descriptor | None, tuple[Descriptor, ...]]:
        try:
            return read_links(read_all(target, descriptor, limit=DOCUMENT_LIMIT), descriptor.media_type)
        except NotFoundError:
            return None, ()
        except ContentError:
            self.is_complete = False
            return None, ()

    def doomed_with(self, root: Descriptor, kept: Collection[Digest]) -> list[Descriptor]:
        """What goes when this document goes: itself first.

        Args:
            root: the document.
            kept: what stays whatever happens, because it has a tag.
        """
        doomed: dict[Digest, Descriptor] = {}
        waiting = deque([root])
        while waiting:
            descriptor = waiting.popleft()
            if descriptor.digest in doomed:
                continue
            doomed[descriptor.digest] = descriptor
            waiting += [each for each in self.referrers.get(descriptor.digest, ()) if each.digest not in kept]
            for successor in self.successors.get(descriptor.digest, ()) if self.is_complete else ():
                holders = self.holders[successor.digest]
                holders.discard(descriptor.digest)
                if not holders and successor.digest not in kept:
                    waiting.append(successor)
        return list(doomed.values())
