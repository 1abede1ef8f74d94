"""What each command does; `cli.py` reads its arguments."""
