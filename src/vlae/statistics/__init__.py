"""Estimators, intervals and tests: pure functions of arrays.

Nothing here reads a file, knows a model or holds a criterion. Modules that need
scikit-learn, torch-fidelity or ArviZ import them themselves, so that only jobs that use
an estimator wait for its library.
"""
