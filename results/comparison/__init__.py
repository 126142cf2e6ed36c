"""Two trainings, configurations or searches side by side, image by image."""
