"""What is shown of people and their photos: lists, one person, search, suggestions.

Read-only views of the library as records for the command line, JSON and web pages. Whatever changes
the library belongs to `album.edits`.
"""
