"""What the service needs from the outside world, as small protocols; :mod:`cantilena.adapters` fulfils them."""
