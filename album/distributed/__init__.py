"""Reading photos and comparing faces on many workers, through dask.

Dask places the work, moves it away from workers that die, and starts those again; `dask.py` is the
only module that imports it. The rest divides files into chunks, shares the workers among libraries,
and puts results into the order of the files. What a worker computes is the code that threads of one
process run.
"""
