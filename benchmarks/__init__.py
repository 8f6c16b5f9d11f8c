"""What `make bench` runs: this program beside the peers that are installed, as ratios in one run."""
