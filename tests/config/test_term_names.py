"""Names of terms: written and read by the same functions."""

from vlae.config.term_names import kl_layer, kl_term, kl_terms, residual_term


def test_the_layer_of_a_kl_term_is_read_back():
    assert [kl_layer(kl_term(layer)) for layer in (1, 2, 10)] == [1, 2, 10]
    assert kl_layer("elbo") is None
    assert kl_layer(residual_term("kl", 1)) is None


def test_kl_terms_are_in_the_order_of_layers_and_not_of_letters():
    terms = ["elbo", "kl_10", "residual_kl_1", "kl_2", "kl_1", "reconstruction"]
    assert kl_terms(terms) == ["kl_1", "kl_2", "kl_10"]
    assert kl_terms(["cross_entropy"]) == []
