"""`python -m workers` is `frontwire`."""

from workers.cli import main

if __name__ == "__main__":
    main()
