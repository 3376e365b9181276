"""One page of the results, and what else is made of a results folder. Imports no torch.

Templates of all pages are in the folder `report/` of the repository.
"""
