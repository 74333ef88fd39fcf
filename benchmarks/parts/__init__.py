"""What the scripts beside this folder share. Nothing here is run by `make bench` on its own."""
