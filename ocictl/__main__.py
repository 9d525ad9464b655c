"""The program as a process: what the console script and `python -m ocictl` run."""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn

from ocictl.cli.interruptions import Interruptions


def main() -> NoReturn:
    """Run the program; the process ends here."""
    # Modules and the records of thousands of files are many objects and no cycles: looking for some less often.
    gc.set_threshold(20_000)
    interruptions = Interruptions()
    interruptions.install()
    try:
        # Inside: half of a short run is imports, and they can be interrupted too.
        from ocictl.cli.main import cli

        cli.main()
    except KeyboardInterrupt as error:
        from ocictl.cli.app import App

        sys.exit(App(sys.stdout, sys.stderr, os.environ, sys.argv[1:]).interrupted(error))
    finally:
        interruptions.finish()
        if not sys.warnoptions:
            # The search for cycles among all modules at the end would take as long as a tenth of a short run.
            # Whoever asks for warnings gets it, since it may find something that was left open.
            gc.disable()
            gc.freeze()
    raise AssertionError("unreachable")


if __name__ == "__main__":
    main()
