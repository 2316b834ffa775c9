"""The one training loop, and what is built on it: pre-training, fine-tuning."""
