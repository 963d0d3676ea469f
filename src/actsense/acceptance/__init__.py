"""Do results here agree with those that are known: published ones, and an installation's own?"""
