"""`python -m crisisrisk`."""

from crisisrisk.cli import main

if __name__ == "__main__":
    main()
