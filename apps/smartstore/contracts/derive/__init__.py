"""Everything other systems need to know of a record, derived from its declaration.

`columns` walks a record once; every other module turns that walk into one system's words.
"""
