"""How fast the platform is beside what one would write without it: `python -m benchmarks --help`.

Every peer does the same work on the same files: read the JSON lines, keep the latest version of each event id (greatest timestamp; ties:
the later file, the later line), write the events under kind, year, month and day. Then its answer is compared with the others'.
"""
