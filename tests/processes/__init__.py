"""The whole program as real processes: killed, stopped, starved of disk, and beside a real Alertmanager."""
