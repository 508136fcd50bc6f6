"""The runner of a cluster: Ray Data hands lines to a pool of actors, each with a service of its own. Ray comes with the
extra ``ray`` and is loaded when it is asked for.
"""
