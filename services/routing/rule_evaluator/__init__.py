"""Where the conditions of routing's rules are evaluated: a process of its own.

`conditions.py: evaluate` says what one condition makes of one lead. The router reaches it through
`client.py`, in the messages of `protocol.py`; `evaluation.py` answers them within limits of CPU
time and memory, in the process that `__main__.py` is.
"""
