"""Proof of the contract: what each backbone keeps, checked on perturbed from-scratch weights, as stored rows."""
