"""`python -m tensorboard_keract`: the command line."""

import sys

from tensorboard_keract.cli import main

if __name__ == "__main__":
    sys.exit(main())
