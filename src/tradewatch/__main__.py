"""`python -m tradewatch` is the command `tradewatch`."""

from tradewatch.cli.main import run

if __name__ == "__main__":
    run()
