"""The command `version`."""

from __future__ import annotations

import click

from ocictl.cli.command import OcictlCommand
from ocictl.cli.output_options import OutputOptions, output_options


@click.command("version", cls=OcictlCommand)
@output_options("text", "json", quiet=None)
def command(output: OutputOptions) -> None:
    """Print the version of ocictl.

    \b
    Example:
      ocictl version --format json
    """
    import sys

    from ocictl import __version__
    from ocictl.model.machine import machine_architecture
    from ocictl.output.program_records import VersionRecord
    from ocictl.output.render import version

    record = VersionRecord(
        version=__version__,
        python_version=".".join(str(part) for part in sys.version_info[:3]),
        platform=f"{sys.platform}/{machine_architecture()}",
    )
    output.show(record, record.version, lambda: version(record))
