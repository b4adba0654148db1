"""Reading photos and comparing faces on many workers, through dask.

The only package that knows dask: the pool of workers, what is sent to them, who is hung or gone,
and batches of libraries. What a worker computes is the same code that threads of one process run.
"""
