"""Export: a model in the native format of its own library, which loads it without zoo, preprocessing included."""
