"""Options for what is packed into a manifest, for `push` and `attach`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import click

from ocictl.cli.grouping import F, app_of, grouped
from ocictl.cli.values import blob_concurrency_option
from ocictl.errors import InvalidInputError
from ocictl.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from ocictl.ops.pack import PackOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestOptions:
    """How to build the manifest of a push or an attach."""

    artifact_type: str | None
    config: str | None
    annotation: tuple[str, ...]
    annotation_file: str | None
    created: str | None
    export_manifest: str | None
    compression: Literal["gzip", "zstd", "none"]
    compression_level: int | None
    disable_path_validation: bool
    concurrency: int | None
    image_spec: Literal["v1.1", "v1.0"] | None = None
    artifact_platform: str | None = None
    source_date_epoch: str | None = None

    def pack_options(self) -> PackOptions:
        """What the library wants to know.

        Raises:
            InvalidInputError: options that exclude each other, or a value that is not valid.
            StorageError: the annotation file can't be read.
        """
        from ocictl.model.platform import Platform
        from ocictl.ops.annotations import Annotations
        from ocictl.ops.compress import Compression
        from ocictl.ops.pack import FileArgument, PackOptions

        if self.annotation and self.annotation_file:
            raise InvalidInputError(
                "--annotation and --annotation-file can't be used together",
                hint='put the annotations into the file, under the key "$manifest"',
            )
        epoch = epoch_seconds(self.source_date_epoch)
        return PackOptions(
            artifact_type=self.artifact_type or None,
            config=FileArgument.parse(self.config) if self.config else None,
            annotations=(
                Annotations.from_file(self.annotation_file)
                if self.annotation_file
                else Annotations.from_pairs(self.annotation)
            ),
            image_spec=self.image_spec,
            platform=Platform.parse(self.artifact_platform) if self.artifact_platform else None,
            created=self.created or epoch_time(epoch),
            mtime=epoch or 0,
            compression=Compression(self.compression, self.compression_level),
            path_validation=not self.disable_path_validation,
        )


def manifest_options(*, type_required: bool = False) -> Callable[[F], F]:
    """Add the options of `push` and `attach`, passed on as `manifest: ManifestOptions`.

    Args:
        type_required: true for attach, which also has no say in how the manifest is packed.
    """
    options: list[Callable[[F], F]] = [
        _manifest(
            "--artifact-type", metavar="TYPE", required=type_required, help="Artifact type, as type/subtype."
        ),
        _manifest("--config", metavar="PATH[:TYPE]", help="File to use as the config."),
        _manifest(
            "-a",
            "--annotation",
            metavar="KEY=VALUE",
            multiple=True,
            help="Annotate the manifest; may be repeated.",
        ),
        _manifest(
            "--annotation-file",
            metavar="PATH",
            help="JSON file with annotations for manifest, config and files.",
        ),
    ]
    if not type_required:
        options += [
            _manifest(
                "--image-spec",
                type=click.Choice(["v1.1", "v1.0"]),
                help="How to pack; v1.1, but v1.0 for --config without --artifact-type.",
            ),
            _manifest(
                "--artifact-platform",
                metavar="PLATFORM",
                help="Platform to record: os[/arch[/variant]][:os_version].",
            ),
        ]
    options += [
        _manifest(
            "--created",
            metavar="TIME",
            help="Record this creation time, RFC 3339; SOURCE_DATE_EPOCH is read too.",
        ),
        _manifest("--export-manifest", metavar="PATH", help="Write the manifest to this file too."),
        _manifest(
            "--compression",
            type=click.Choice(["gzip", "zstd", "none"]),
            default="gzip",
            show_default=True,
            help="How to compress a directory's archive.",
        ),
        _manifest(
            "--compression-level",
            type=int,
            metavar="N",
            help="1 to 9 for gzip (default 2), 1 to 19 for zstd (default 3); more is smaller and slower.",
        ),
        _manifest(
            "--disable-path-validation",
            is_flag=True,
            help="Allow absolute paths and paths that lead out of the directory.",
        ),
        blob_concurrency_option(5, "manifest__concurrency"),
    ]
    return grouped(options, "manifest", _build_manifest)


def _manifest(*names: str, **attributes: Any) -> Callable[[F], F]:
    name = names[-1].lstrip("-").replace("-", "_")
    return click.option(*names, f"manifest__{name}", **attributes)


def _build_manifest(own: dict[str, Any]) -> ManifestOptions:
    app = app_of(click.get_current_context())
    return ManifestOptions(source_date_epoch=app.environ.get("SOURCE_DATE_EPOCH"), **own)


def epoch_seconds(text: str | None) -> int | None:
    """Read the value of SOURCE_DATE_EPOCH: seconds since 1970, or None where it is unset or empty.

    Raises:
        InvalidInputError: `time-invalid`.
    """
    if not text:
        return None
    # RFC 3339 has four digits for the year, which ends with this second.
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and int(text) <= 253402300799):
        raise InvalidInputError(
            f"SOURCE_DATE_EPOCH {text!r} is not a number of seconds",
            code="time-invalid",
            hint="set it for example with: export SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)",
            details={"value": text},
        )
    return int(text)


def epoch_time(seconds: int | None) -> str | None:
    """The RFC 3339 form, in UTC, of seconds since 1970."""
    if seconds is None:
        return None
    from datetime import UTC, datetime, timedelta

    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
