"""`python -m wordline` is the command `wordline`, for launchers that start modules."""

from .cli import main

if __name__ == "__main__":
    main()
