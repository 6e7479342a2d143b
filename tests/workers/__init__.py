"""A small server and what else is needed to try a worker without singing."""
