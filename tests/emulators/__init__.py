"""Google's Firestore emulator, started once for a run of the tests, and a proxy that can stop forwarding to it."""
