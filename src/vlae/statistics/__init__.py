"""What the verdicts on the paper's claims are computed with: pure functions of arrays.

One module per family. Nothing here reads a file, knows a model or holds a criterion;
only the experiments that judge claims import these modules, and with them scikit-learn,
torch-fidelity and ArviZ.
"""
