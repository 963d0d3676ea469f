"""What `actsense COMMAND` does: one module per command.

Each has a line for the list of commands, takes its arguments from a parser, and runs. What a
command needs is imported when it runs: an explorer that is not installed must not keep results
from view.
"""
