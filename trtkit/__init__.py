"""trtkit: does this model give the same answer here as there, and can I prove it?"""

__version__ = "0.1.0"
