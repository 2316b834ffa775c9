"""For tests of publishing and downloading: a Hugging Face hub on loopback (`zoo.testing.hub`)."""
