"""SQLite and PostgreSQL: connections, transactions, the schema, migrations, bulk writing.

What a library needs of its engine, and nothing about photos or people.
"""
