"""Arrays and Protocols that every net shares: boxes, crops, pictures, quality of a face.

No weights and no runtime.
"""
