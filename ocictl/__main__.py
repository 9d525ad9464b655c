"""Lets `python -m ocictl` do what the console script does."""

from ocictl.cli.main import main

if __name__ == "__main__":
    main()
