"""Files of stated usage: cloud bills, Slurm's accounting, series of samples. Pure readers."""
