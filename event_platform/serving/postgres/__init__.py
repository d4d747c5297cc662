"""Tables of the lake in a PostgreSQL database: whole (`bulk`) or in small steps (`chunks`), each step one transaction of the target.

What was loaded is remembered in the target itself (`progress`), in the transaction that loads it. So whatever dies, and whenever, the
next load goes on from what readers see. `loads` is where to start: which loads there are, and the one function that does one.
"""
