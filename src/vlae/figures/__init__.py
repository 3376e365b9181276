"""One module per figure: tables and arrays in, svg and png out. Imports no torch.

A figure is a module with::

    TABLES = ["effects"]                         what it reads of every run
    def draw(runs) -> Figure                     the picture
    def numbers(runs) -> pd.DataFrame            its numbers, as text
    def findings(runs) -> list[str]              what it shows, in sentences

where `runs` are the `RunResults` of the runs that the configuration lists for it.
Pictures are of the first seed; tables and curves are of all seeds.
"""
