"""Bulk work: any number of pictures from one place to another. What there is to do is planned on disk, each line is
worked on by itself, and every line gets its row. Nothing here knows what runs it: one process or a cluster.
"""
