"""Turning files and options into a manifest and the blobs it points to (ORAS.md: what is written)."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

from ocictl.errors import InvalidInputError, StorageError
from ocictl.events import EventSink, FilePrepared, FilePreparing, FileWarning
from ocictl.lazy_dataclass import dataclass, field, replace
from ocictl.lazy_pattern import pattern
from ocictl.model import _fields, media_types
from ocictl.model.annotations import CREATED, TITLE, UNPACK, UNPACKED_DIGEST, is_rfc3339
from ocictl.model.descriptor import EMPTY_DESCRIPTOR, Descriptor
from ocictl.model.manifest import Manifest, build_manifest
from ocictl.model.platform import Platform
from ocictl.ops import titles
from ocictl.ops.annotations import Annotations
from ocictl.ops.compress import Compression
from ocictl.ops.copy import Node
from ocictl.ops.early import DigestOf
from ocictl.ops.file_mode import mode_annotations
from ocictl.ops.spool import Spool
from ocictl.ops.tarball import DirectoryContent, pack_directory
from ocictl.sources import BytesContent, FileContent, digest_content, unreadable
from ocictl.target import Content

ImageSpec: TypeAlias = Literal["v1.1", "v1.0"]
_DRIVE = pattern(r"[A-Za-z]:[\\/]")


@dataclass(frozen=True, slots=True)
class FileArgument:
    """A file or directory to push, and its media type or None for the default."""

    path: str
    media_type: str | None = None

    @classmethod
    def parse(cls, text: str) -> FileArgument:
        """Split `PATH[:TYPE]` at the last colon; an empty type means the default (ORAS.md 4).

        Raises:
            InvalidInputError: `argument-invalid`: no path; `media-type-invalid`: the type is none.
        """
        path, colon, media_type = text.rpartition(":")
        if not colon or (len(path) == 1 and _DRIVE.match(text)):
            path, media_type = text, ""
        if not path:
            raise InvalidInputError(
                f"file argument {text!r} names no file", hint="write it as PATH or PATH:MEDIA-TYPE"
            )
        if media_type:
            try:
                media_types.check_media_type(media_type, f"the part after the last colon of {text!r},")
            except InvalidInputError as error:
                if Path(text).exists():
                    error.hint = f"for the file of that name write {text + ':'!r}"
                raise
        return cls(path, media_type or None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackOptions:
    """How to build a manifest.

    Attributes:
        artifact_type: RFC 6838 name, or None.
        config: a file to use as config, or None for the empty config.
        annotations: for the manifest, the config and the files.
        image_spec: `v1.1` or `v1.0` packing; None decides as oras does.
        platform: recorded in an image config; excludes `config`.
        created: RFC 3339 time for `org.opencontainers.image.created`, or None for no time stamp.
        mtime: seconds since the epoch for every entry of a directory archive.
        compression: of directory archives.
        path_validation: refuse absolute paths and paths that leave the working directory.
    """

    artifact_type: str | None = None
    config: FileArgument | None = None
    annotations: Annotations = field(default_factory=Annotations)
    image_spec: ImageSpec | None = None
    platform: Platform | None = None
    created: str | None = None
    mtime: int = 0
    compression: Compression = field(default_factory=Compression)
    path_validation: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A manifest, and every blob it points to, ready to push."""

    manifest: Manifest
    blobs: tuple[Node, ...]


def check_options(files: Sequence[FileArgument], options: PackOptions) -> None:
    """Find what is wrong with the arguments before any file is read or host is asked.

    Raises:
        InvalidInputError: options that exclude each other, a media type or time that is none.
        PathError: `path-absolute`, `path-unsafe`, `path-duplicate`.
    """
    if options.config is not None and options.platform is not None:
        raise InvalidInputError(
            "--config and --artifact-platform can't be used together",
            hint="put the platform into the config file, or leave --config out",
        )
    if options.artifact_type is not None:
        media_types.check_media_type(options.artifact_type, "artifact type")
    if options.artifact_type is not None and _is_old(options):
        if options.config is not None or options.platform is not None:
            raise InvalidInputError(
                "--artifact-type can't be combined with --config or --artifact-platform in image spec v1.0",
                hint="in v1.0 the config's media type is the artifact type; write --config FILE:TYPE",
            )
    if options.image_spec == "v1.1" and options.config is not None and options.artifact_type is None:
        raise InvalidInputError(
            "an artifact of image spec v1.1 with its own config needs an artifact type",
            hint="add --artifact-type TYPE, or use --image-spec v1.0",
            details={"rule": "ART-01"},
        )
    created = options.annotations.manifest.get(CREATED, options.created)
    if created is not None and not is_rfc3339(created):
        raise InvalidInputError(
            f"time {created!r} is not RFC 3339",
            code="time-invalid",
            hint="for example 2026-01-31T12:00:00Z",
            details={"value": created, "rule": "ANN-06"},
        )
    titles.check_titles(
        [_title(file, options) for file in files], allow_traversal=not options.path_validation
    )


@contextmanager
def pack(
    files: Sequence[FileArgument],
    options: PackOptions,
    *,
    subject: Descriptor | None = None,
    on_event: EventSink,
    digest_of: DigestOf | None = None,
) -> Iterator[Packed]:
    """Read the files and build the manifest. Archives of directories live until the context ends.

    Args:
        files: in this order they become the layers.
        options: see `PackOptions`.
        subject: what the manifest is about, or None.
        on_event: receives `FilePreparing` and `FilePrepared`.
        digest_of: knows the digests of files that were hashed already.

    Raises:
        InvalidInputError, PathError: as `check_options`.
        StorageError: a file can't be read, or changed meanwhile.
    """
    check_options(files, options)
    with ExitStack() as resources:
        layers: list[Node] = []
        for file in files:
            on_event(FilePreparing(name=file.path))
            node = _read_layer(file, options, resources, on_event, digest_of)
            on_event(FilePrepared(name=file.path, descriptor=node.descriptor))
            layers.append(node)
        yield _assemble(layers, options, subject)


def _is_old(options: PackOptions) -> bool:
    """Whether this is v1.0 packing: asked for, or a config without an artifact type as oras decides."""
    if options.image_spec is not None:
        return options.image_spec == "v1.0"
    return options.config is not None and options.artifact_type is None


def _title(file: FileArgument, options: PackOptions) -> str:
    renamed = options.annotations.files.get(file.path, {}).get(TITLE)
    return renamed or titles.title_for(file.path, path_validation=options.path_validation)


def _read_layer(
    file: FileArgument,
    options: PackOptions,
    resources: ExitStack,
    on_event: EventSink,
    digest_of: DigestOf | None,
) -> Node:
    path = Path(file.path)
    title = _title(file, options)
    annotations = {TITLE: title, **options.annotations.files.get(file.path, {})}
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise unreadable(file.path, error) from error
    if stat.S_ISDIR(mode):
        node, leading_out = _read_directory(path, title, file.media_type, annotations, options, resources)
        for link in leading_out:
            text = f"the link {link!r} leads out of the directory; a pull will refuse it"
            on_event(FileWarning(name=file.path, text=text))
        return node
    if not stat.S_ISREG(mode):
        raise StorageError(
            f"{file.path!r} is neither a regular file nor a directory",
            code="file-unreadable",
            hint="copy its content into a regular file first",
            details={"path": file.path},
        )
    annotations = mode_annotations(mode) | annotations
    return _read_file(path, file.media_type or media_types.LAYER_TAR, annotations, digest_of)


def _read_file(
    path: Path, media_type: str, annotations: Mapping[str, str], digest_of: DigestOf | None = None
) -> Node:
    content = FileContent(path)
    digest, size = None if digest_of is None else digest_of(content), content.size
    if digest is None:
        digest, size = digest_content(content)
    descriptor = Descriptor(media_type=media_type, digest=digest, size=size, annotations=dict(annotations))
    return Node(descriptor=descriptor, content=content)


def _read_directory(
    path: Path,
    title: str,
    media_type: str | None,
    annotations: dict[str, str],
    options: PackOptions,
    resources: ExitStack,
) -> tuple[Node, tuple[str, ...]]:
    """Pack a directory; return its layer and the links in it that lead out."""
    compression, mtime = options.compression, options.mtime
    content: Content
    if compression.name == "none":
        # It takes no time to make it again, so it needs no room on the disk.
        packed = pack_directory(path, title, None, mtime=mtime, compression=compression)
        content = DirectoryContent(path, title, packed, mtime=mtime)
    else:
        content = spool = resources.enter_context(Spool())
        packed = pack_directory(path, title, spool, mtime=mtime, compression=compression)
    descriptor = Descriptor(
        media_type=media_type or compression.media_type,
        digest=packed.digest,
        size=packed.size,
        annotations={UNPACK: "true", UNPACKED_DIGEST: str(packed.unpacked_digest), **annotations},
    )
    return Node(descriptor=descriptor, content=content), packed.leading_out


def _assemble(layers: list[Node], options: PackOptions, subject: Descriptor | None) -> Packed:
    config = _config_node(options)
    artifact_type = None
    if not _is_old(options):
        artifact_type = options.artifact_type or media_types.UNKNOWN_ARTIFACT
        if not layers:
            layers = [Node(descriptor=EMPTY_DESCRIPTOR, content=BytesContent(b"{}"))]
    annotations = dict(options.annotations.manifest)
    if options.created is not None:
        annotations.setdefault(CREATED, options.created)
    manifest = build_manifest(
        config=config.descriptor,
        layers=[layer.descriptor for layer in layers],
        artifact_type=artifact_type,
        subject=None if subject is None else subject.plain(),
        annotations=annotations,
    )
    return Packed(manifest=manifest, blobs=(config, *layers))


def _config_node(options: PackOptions) -> Node:
    annotations = options.annotations.config
    if options.config is not None:
        node = _read_file(
            Path(options.config.path), options.config.media_type or media_types.UNKNOWN_CONFIG, {}
        )
    elif options.platform is not None:
        raw = _fields.dump(options.platform.to_json())
        node = Node(descriptor=Descriptor.of(raw, media_types.IMAGE_CONFIG), content=BytesContent(raw))
    elif _is_old(options):
        media_type = options.artifact_type or media_types.UNKNOWN_CONFIG
        node = Node(descriptor=Descriptor.of(b"{}", media_type), content=BytesContent(b"{}"))
    else:
        node = Node(descriptor=EMPTY_DESCRIPTOR, content=BytesContent(b"{}"))
    return replace(node, descriptor=node.descriptor.with_annotations(annotations))
