"""A page for each person with their faces over the years, and one of all people: plain HTML."""
