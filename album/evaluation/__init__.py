"""Published protocols, run on folders the user gives."""
