"""The models, one module each, which `networks.*.model` of the configuration names.

`base.Model` says what training asks of any model, and `base.LatentVariableModel` what
experiments ask of one that generates images. The module of a model defines `build`.
"""
