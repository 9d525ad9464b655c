"""What `manifest index create` and `update` have in common: where the index goes, and what is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ocictl.cli.output_options import OutputOptions
from ocictl.cli.values import check_exclusive
from ocictl.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from ocictl.cli.targets import Location
    from ocictl.events import Event
    from ocictl.model.manifest import Index
    from ocictl.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexOutput:
    """Where an index goes.

    Attributes:
        output: how to tell what happens.
        file: a file, `-` for standard output, or None to push it.
        pretty: indent it on standard output.
        updated: it comes from another index.
    """

    output: OutputOptions
    file: str | None
    pretty: bool
    updated: bool = False

    def check(self) -> None:
        """Find options that exclude each other.

        Raises:
            InvalidInputError: there are some.
        """
        check_exclusive(
            {
                f"--format {self.output.format}": self.output.as_record,
                "--quiet": self.output.quiet,
                "--output -": self.file == "-",
            }
        )

    def on_event(self, event: Event) -> None:
        """Tell of a step."""
        from ocictl.events import IndexStep
        from ocictl.output.content_lines import index_step

        if isinstance(event, IndexStep) and self.file != "-":
            self.output.tell([index_step(event)])

    def deliver(
        self,
        index: Index,
        target: Target,
        location: Location,
        *,
        tag: str | None,
        more_tags: Sequence[str],
        shown: str,
    ) -> None:
        """Write the index to a file or push it, and tell the end.

        Args:
            index: what was built.
            target: where to.
            location: the same place, as the user wrote it.
            tag: to push it under, or None.
            more_tags: to point at it, too.
            shown: `[kind] REFERENCE` to be told if it is pushed.
        """
        from ocictl.cli.files import write_file
        from ocictl.ops.index import push_index
        from ocictl.output.content_lines import index_built, index_pushed
        from ocictl.output.records import TaggedRecord
        from ocictl.output.render import pretty_json

        if self.file == "-":
            self.output.console.data(pretty_json(index.raw) if self.pretty else index.raw)
            return
        descriptor = index.descriptor()
        self.output.tell([index_built(descriptor, updated=self.updated)])
        if self.file is not None:
            write_file(self.file, index.raw)
            record = TaggedRecord.tagged(location.path, descriptor, ())
            self.output.show(record, record.digest, lambda: index_pushed(descriptor, None, ()))
            return
        push_index(target, index, tag=tag, more_tags=more_tags)
        tags = [each for each in (tag, *more_tags) if each]
        record = TaggedRecord.tagged(location.path, descriptor, tags)
        self.output.show(record, record.digest, lambda: index_pushed(descriptor, shown, more_tags))
