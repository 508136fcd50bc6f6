"""The integrations inside the programs that they are made for. Not part of ``make test``: ``make
test-integrations``.
"""
