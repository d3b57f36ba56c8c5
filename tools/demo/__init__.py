"""The demo bundles: generated pictures, seeded training, example pictures. Nothing here is needed at run time."""
