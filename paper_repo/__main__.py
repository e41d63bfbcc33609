"""`python -m paper_repo` does what the command `paper-repo` does."""

from paper_repo.cli import main

if __name__ == "__main__":
    main()
