"""The benchmark behind `make bench`: a file for each group of targets of docs/performance.md.

`measure.py` holds what they share, `running.py` the Attune they measure: the one place that uses
the insides of the services.
"""
