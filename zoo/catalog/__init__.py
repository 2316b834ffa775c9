"""The static index of all backbones (`*.json`) and the questions that can be asked of it (`zoo.catalog.query`)."""
