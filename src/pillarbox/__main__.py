"""`python -m pillarbox`: the command line."""

from pillarbox.app.cli import main

if __name__ == "__main__":
    main(prog_name="pillarbox")
