"""What the door to git is made of: hardening, bounded child processes, and the reading of git's own formats. No git runs here."""
