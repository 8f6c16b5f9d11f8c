"""`python -m console.cli`: the command without an installed script."""

from console.cli import main

if __name__ == "__main__":
    main()
