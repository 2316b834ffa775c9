"""Where inputs come from: images, generated sources, splits, batches, augmentation."""
