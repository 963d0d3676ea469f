"""The autoencoder of a study: between images and latents that flows work on."""
