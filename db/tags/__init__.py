"""What this program wrote into files, and what it reads from them for an import."""
