"""What make asks of the tool: variables, what each target takes and needs, and its command.

Standard library alone: make asks before any environment is made.
"""
