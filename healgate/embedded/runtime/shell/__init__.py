"""The `sh` of everyday images: as much of it as tutorials and recordings use.

Text becomes a tree (`parser`), the tree a generator of effects (`interpreter`). What a real shell knows and this one
does not is refused by name: a script that runs differently here than there would make every verdict about it worthless.
"""
