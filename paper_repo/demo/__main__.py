"""`python -m paper_repo.demo FILE RUN [DAYS PER SECOND]`: the process that trades, until it is killed."""

import sys

from paper_repo.demo.worker import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
