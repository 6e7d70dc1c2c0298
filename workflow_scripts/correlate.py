"""The command idbias-correlate, for who has not installed the package: the I_d test on any two arrays."""

import sys

from idbias.correlation.command import main

if __name__ == "__main__":
    sys.exit(main())
