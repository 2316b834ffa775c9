"""What is published: model cards."""
